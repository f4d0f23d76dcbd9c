import { initTRPC, type TRPCMutationProcedure, type TRPCQueryProcedure } from "@trpc/server";
import type { OpenApiMeta } from "trpc-to-openapi";
import type { z } from "zod";
import type { Ctx, Scope, TxCtx } from "../core/context.ts";
import { ApiError, invalid, noSuch, problemOf, type ErrorCode } from "../core/errors.ts";
import { etagOf, namesTag } from "../core/etag.ts";
import { assertPlainText, faultsOf } from "../core/faults.ts";
import { shapeOf } from "../core/shape.ts";
import { isList } from "../core/fields.ts";
import { atomically } from "../db/atomically.ts";
import { answered, once } from "../idempotency/once.ts";
import { apiErrorOf, asRpcError, asTrpcError } from "./rpc-error.ts";

/** What an operation needs of whoever asks; `member`: a member of the team who administers, and no key. */
type Grant = Scope | "any" | "member";

type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** What every operation is, also one that no REST route leads to. */
interface Contract<I extends z.ZodType, O extends z.ZodType> {
  /** operationId: verb first, camelCase. */
  name: string;
  input: I;
  output: O;
}

/** One operation of the API: its procedure, its REST route and its page in the document are made of this. */
interface Operation<I extends z.ZodType, O extends z.ZodType> extends Contract<I, O> {
  route: `${Method} /v1/${string}`;
  summary: string;
  description: string;
  /** The refusals it can give beside those that every operation can. */
  errors?: readonly ErrorCode[];
}

interface Query<I extends z.ZodType, O extends z.ZodType> extends Operation<I, O> {
  run: (ctx: Ctx, input: z.output<I>) => Promise<z.input<O>>;
}

interface Stream<I extends z.ZodType, O extends z.ZodType> extends Operation<I, O> {
  /** In portions of any size, each made when the one before has been taken. `output` is one row. */
  run: (ctx: Ctx, input: z.output<I>) => AsyncIterable<z.input<O>[]>;
}

interface Mutation<I extends z.ZodType, O extends z.ZodType, P> extends Operation<I, O> {
  status?: 201 | 202;
  /** Where the thing that was made can be read: a path with `{id}` in it. */
  location?: `/v1/${string}`;
  /** For PATCH and DELETE: the resource as its GET shows it, read and locked, so that `If-Match` can be judged. */
  current?: { read: (ctx: TxCtx, input: z.output<I>) => Promise<unknown>; output: z.ZodType };
  /** What needs the network happens here, before the transaction; its result is handed to `run`. */
  prepare?: (ctx: Ctx, input: z.output<I>) => Promise<P>;
  run: (ctx: TxCtx, input: z.output<I>, prepared: P) => Promise<z.input<O>>;
  /** What can only be done once the change is committed, such as asking the network: its result is the answer. */
  finish?: (ctx: Ctx, answer: z.output<O>) => Promise<z.input<O>>;
}

/** What the portal alone may ask. */
interface PrivateMutation<I extends z.ZodType, O extends z.ZodType> extends Contract<I, O> {
  /** The field that names what is changed, as a path would: what names nothing is 404. */
  subject?: string;
  run: (ctx: TxCtx, input: z.output<I>) => Promise<z.input<O>>;
}

export interface OperationMeta extends OpenApiMeta {
  scope: Grant;
  status: 200 | 201 | 202;
  location?: string;
  errors: readonly ErrorCode[];
  /** Its answer is a page of a list. */
  is_list: boolean;
  /** Its answer is rows, one a line, and is written while it is made. */
  is_stream: boolean;
}

type QueryOf<I extends z.ZodType, O extends z.ZodType> = TRPCQueryProcedure<{
  meta: OperationMeta;
  input: z.input<I>;
  output: z.output<O>;
}>;
type StreamOf<I extends z.ZodType, O extends z.ZodType> = TRPCQueryProcedure<{
  meta: OperationMeta;
  input: z.input<I>;
  output: AsyncIterable<z.output<O>[]>;
}>;
type MutationOf<I extends z.ZodType, O extends z.ZodType> = TRPCMutationProcedure<{
  meta: OperationMeta;
  input: z.input<I>;
  output: z.output<O>;
}>;

const t = initTRPC
  .context<Ctx>()
  .meta<OperationMeta>()
  .create({
    isDev: false,
    errorFormatter({ error, ctx, path = "" }) {
      const where = { docs_url: `${ctx?.settings.public_url ?? ""}/docs`, instance: `/trpc/${path}`, request_id: ctx?.request_id ?? "" };
      return asRpcError(problemOf(apiErrorOf(error), where), path);
    },
  });

export const { router, mergeRouters } = t;

/** Reads: any statement, no transaction. */
export const read = queries("read");
/** Reads whose question is too long for a URL. */
export const readByPost = mutations("read");
/** Reads of what only administrators see. */
export const adminRead = queries("admin");
/** Reads that every valid key may make. */
export const anyRead = queries("any");
/** Changes: one transaction each. */
export const write = mutations("write");
/** Changes that every valid key may make, of nothing but itself. */
export const anyWrite = mutations("any");
/** Changes of the workspace's own machinery. */
export const adminWrite = mutations("admin");
/** Changes that are made in the portal alone, by those who administer: without route or page. A key that leaked makes no other. */
export const memberWrite = <I extends z.ZodType, O extends z.ZodType>(operation: PrivateMutation<I, O>): MutationOf<I, O> => {
  const { run, subject } = operation;
  const output = shapeOf(operation.output);
  const work = (ctx: Ctx, input: z.output<I>) => atomically(ctx, async (tx) => output.parse(await run(tx, input)));
  const perform = performing("member", operation, new Set(subject === undefined ? [] : [subject]), work);
  const meta: OperationMeta = { scope: "member", status: 200, errors: [], is_list: false, is_stream: false };
  return described(operation, t.procedure.meta(meta).mutation(perform as never)) as unknown as MutationOf<I, O>;
};

/** Reads of what only administrators see, and of which there may be more than an answer holds. */
export const adminStream = streams("admin");

function streams(scope: Grant) {
  return <I extends z.ZodType, O extends z.ZodType>(operation: Stream<I, O>): StreamOf<I, O> => {
    const output = shapeOf(operation.output);
    const perform = performing(scope, operation, inPath(operation), async (ctx, input) => parsed(output, operation.run(ctx, input)));
    const meta = { ...metaOf(scope, operation), is_stream: true };
    return described(operation, t.procedure.meta(meta).query(perform as never)) as unknown as StreamOf<I, O>;
  };
}

async function* parsed<O extends z.ZodType>(output: O, portions: AsyncIterable<z.input<O>[]>): AsyncGenerator<z.output<O>[]> {
  for await (const rows of portions) yield rows.map((row) => output.parse(row));
}

function queries(scope: Grant) {
  return <I extends z.ZodType, O extends z.ZodType>(operation: Query<I, O>): QueryOf<I, O> => {
    const output = shapeOf(operation.output);
    const perform = performing(scope, operation, inPath(operation), async (ctx, input) => output.parse(await operation.run(ctx, input)));
    return described(operation, t.procedure.meta(metaOf(scope, operation)).query(perform as never)) as unknown as QueryOf<I, O>;
  };
}

function mutations(scope: Grant) {
  return <I extends z.ZodType, O extends z.ZodType, P = void>(operation: Mutation<I, O, P>): MutationOf<I, O> => {
    const output = shapeOf(operation.output);
    const change = async (ctx: Ctx, input: z.output<I>): Promise<z.output<O>> => {
      const prepared = await operation.prepare?.(ctx, input);
      return atomically(ctx, async (tx) => {
        await assertUnchanged(tx, operation, input);
        return once(tx, input, async () => output.parse(await operation.run(tx, input, prepared as P)));
      });
    };
    const perform = performing(scope, operation, inPath(operation), async (ctx, input) => {
      // What was answered before is not looked up in the network again, though its day may end meanwhile.
      const earlier = operation.prepare && (await answered<z.output<O>>(ctx, input));
      const answer = earlier ? earlier.answer : await change(ctx, input);
      return operation.finish ? output.parse(await operation.finish(ctx, answer)) : answer;
    });
    return described(operation, t.procedure.meta(metaOf(scope, operation)).mutation(perform as never)) as unknown as MutationOf<I, O>;
  };
}

interface Call {
  ctx: Ctx;
  getRawInput: () => Promise<unknown>;
}

/**
 * What every operation goes through: scope, input, the work, and the one place that turns what goes wrong into
 * problems. In one function, because a chain of tRPC's middlewares copies its options four times for each link,
 * which took an eighth of a request.
 */
function performing<I extends z.ZodType, T>(
  scope: Grant,
  operation: Contract<I, z.ZodType>,
  in_path: ReadonlySet<string>,
  work: (ctx: Ctx, input: z.output<I>) => Promise<T>,
) {
  return async ({ ctx, getRawInput }: Call): Promise<T> => {
    try {
      assertScope(ctx, scope);
      const raw = await getRawInput();
      assertPlainText(raw);
      const input = operation.input.safeParse(raw);
      if (!input.success) throw refusedInput(input.error, raw, in_path);
      return await work(ctx, input.data);
    } catch (error) {
      throw asTrpcError(error);
    }
  };
}

/** The fields that stand in the path. */
function inPath(operation: Operation<z.ZodType, z.ZodType>): ReadonlySet<string> {
  const [, path] = methodAndPath(operation);
  return new Set(Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name!));
}

const methodAndPath = ({ route }: Pick<Operation<z.ZodType, z.ZodType>, "route">) => route.split(" ") as [Method, `/${string}`];

function metaOf(scope: Grant, operation: Operation<z.ZodType, z.ZodType> & { status?: 201 | 202; location?: string }): OperationMeta {
  const [method, path] = methodAndPath(operation);
  const { name, summary, description, status = 200, location, errors = [] } = operation;
  return {
    openapi: { method, path, summary, description, operationId: name } as never,
    scope,
    status,
    ...(location !== undefined && { location }),
    errors,
    is_list: isList(operation.output),
    is_stream: false,
  };
}

/** The contracts, where the document and the REST surface look for those of a procedure. */
function described<T extends { _def: object }>({ input, output }: Contract<z.ZodType, z.ZodType>, procedure: T): T {
  Object.assign(procedure._def, { inputs: [input], output });
  return procedure;
}

/** RFC 9110 §13.1.1, judged on the row that the change will find: it is locked by the reading. */
async function assertUnchanged<I extends z.ZodType>(
  ctx: TxCtx,
  { current }: Pick<Mutation<I, z.ZodType, unknown>, "current">,
  input: z.output<I>,
): Promise<void> {
  if (ctx.if_match === undefined || !current) return;
  const etag = etagOf(JSON.stringify(shapeOf(current.output).parse(await current.read(ctx, input))));
  if (!namesTag(ctx.if_match, etag, "strong")) throw new ApiError("precondition_failed");
}

function assertScope({ actor }: Ctx, grant: Grant): void {
  const granted = "scopes" in actor ? actor.scopes : [];
  if (grant === "member" && actor.type !== "member") {
    throw new ApiError("forbidden", {
      detail: "This is done in the portal, by a member of the team who administers: no API key may.",
      members: { required_scope: "member", granted_scopes: granted },
    });
  }
  const scope = grant === "member" ? "admin" : grant;
  if (scope === "any" || granted.includes(scope)) return;
  throw new ApiError("forbidden", {
    detail: `This operation needs the scope ${scope}.`,
    members: { required_scope: scope, granted_scopes: granted },
  });
}

/** A malformed id names nothing, like a foreign or a missing one. What a path names is looked up once nothing else is at fault, and before what a body names. */
function refusedInput({ issues }: z.ZodError, raw: unknown, in_path: ReadonlySet<string>): ApiError {
  const others = issues.filter((issue) => !in_path.has(String(issue.path[0])));
  const is_named_wrongly = others.length < issues.length;
  return is_named_wrongly && others.every(namesNothing) ? new ApiError("not_found") : invalid(...faultsOf({ issues: others }, raw));
}

const namesNothing = (issue: z.core.$ZodIssue): boolean => issue.code === "custom" && issue.params?.["code"] === noSuch("").code;
