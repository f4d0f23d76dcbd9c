import { initTRPC, TRPCError, type TRPC_ERROR_CODE_KEY, type TRPCMutationProcedure, type TRPCQueryProcedure } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import type { OpenApiMeta } from "trpc-to-openapi";
import { z } from "zod";
import type { Ctx, Scope, TxCtx } from "../core/context.ts";
import { ApiError, asApiError, invalid, problemOf, type ErrorCode, type Problem } from "../core/errors.ts";
import { etagOf, namesTag } from "../core/etag.ts";
import { atomically } from "../db/atomically.ts";
import { answered, once } from "../idempotency/once.ts";
import { assertPlainText, faultsOf } from "../core/faults.ts";

type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** One operation of the API: its procedure, its REST route and its page in the document are made of this. */
interface Operation<I extends z.ZodType, O extends z.ZodType> {
  route: `${Method} /v1/${string}`;
  /** operationId: verb first, camelCase. */
  name: string;
  summary: string;
  description: string;
  input: I;
  output: O;
  /** The refusals it can give beside those that every operation can. */
  errors?: readonly ErrorCode[];
}

interface Query<I extends z.ZodType, O extends z.ZodType> extends Operation<I, O> {
  run: (ctx: Ctx, input: z.output<I>) => Promise<z.input<O>>;
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

export interface OperationMeta extends OpenApiMeta {
  scope: Scope | "any";
  status: 200 | 201 | 202;
  location?: string;
  errors: readonly ErrorCode[];
}

type QueryOf<I extends z.ZodType, O extends z.ZodType> = TRPCQueryProcedure<{
  meta: OperationMeta;
  input: z.input<I>;
  output: z.output<O>;
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

export const { router, mergeRouters, createCallerFactory } = t;

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

function queries(scope: Scope | "any") {
  return <I extends z.ZodType, O extends z.ZodType>(operation: Query<I, O>): QueryOf<I, O> =>
    guarded(scope, operation, 200)
      .input(operation.input)
      .output(operation.output)
      .query(({ ctx, input }) => operation.run(ctx, input as z.output<I>) as never) as unknown as QueryOf<I, O>;
}

function mutations(scope: Scope | "any") {
  return <I extends z.ZodType, O extends z.ZodType, P = void>(operation: Mutation<I, O, P>): MutationOf<I, O> =>
    guarded(scope, operation, operation.status ?? 200, operation.location)
      .input(operation.input)
      .use(async ({ ctx, input, next }) => {
        // What was answered before is not looked up in the network again.
        const prepared =
          operation.prepare && !(await answered(ctx, input)) ? await operation.prepare(ctx, input as z.output<I>) : undefined;
        const result = await atomically(ctx, async (tx) => {
          await assertUnchanged(tx, operation, input as z.output<I>);
          const made = await next({ ctx: { ...tx, prepared } });
          // A failure is handed back, not thrown: without this the transaction would commit.
          if (!made.ok) throw made.error;
          return made;
        });
        return operation.finish
          ? { ...result, data: operation.output.parse(await operation.finish(ctx, result.data as z.output<O>)) }
          : result;
      })
      .output(operation.output)
      .mutation(({ ctx, input }) => {
        const tx = ctx as unknown as TxCtx;
        const run = () => operation.run(tx, input as z.output<I>, ctx.prepared as P);
        return (ctx.idempotency ? once(tx, input, async () => operation.output.parse(await run())) : run()) as never;
      }) as unknown as MutationOf<I, O>;
}

/** RFC 9110 §13.1.1, judged on the row that the change will find: it is locked by the reading. */
async function assertUnchanged<I extends z.ZodType>(
  ctx: TxCtx,
  { current }: Pick<Mutation<I, z.ZodType, unknown>, "current">,
  input: z.output<I>,
): Promise<void> {
  if (ctx.if_match === undefined || !current) return;
  const etag = etagOf(JSON.stringify(current.output.parse(await current.read(ctx, input))));
  if (!namesTag(ctx.if_match, etag, "strong")) throw new ApiError("precondition_failed");
}

/** What stands before every operation: the one place that turns errors into problems, and the one that checks scope. */
function guarded(scope: Scope | "any", operation: Operation<z.ZodType, z.ZodType>, status: 200 | 201 | 202, location?: string) {
  const [method, path] = operation.route.split(" ") as [Method, `/${string}`];
  const in_path = new Set([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));

  return t.procedure
    .meta({
      openapi: { method, path, summary: operation.summary, description: operation.description, operationId: operation.name } as never,
      scope,
      status,
      ...(location !== undefined && { location }),
      errors: operation.errors ?? [],
    })
    .use(async ({ next, getRawInput }) => {
      const result = await next();
      if (result.ok) return result;
      const refused = result.error.code === "BAD_REQUEST" && result.error.cause instanceof z.ZodError ? result.error.cause : undefined;
      const error = refused ? refusedInput(refused, await getRawInput(), in_path) : apiErrorOf(result.error);
      throw new TRPCError({ code: trpcCodeOf(error.status), message: error.message, cause: error });
    })
    .use(async ({ ctx, next, getRawInput }) => {
      assertScope(ctx, scope);
      assertPlainText(await getRawInput());
      return next();
    });
}

function assertScope({ actor }: Ctx, scope: Scope | "any"): void {
  const granted = actor.type === "api_key" ? actor.scopes : [];
  if (scope === "any" || granted.includes(scope)) return;
  throw new ApiError("forbidden", {
    detail: `This operation needs the scope ${scope}.`,
    members: { required_scope: scope, granted_scopes: granted },
  });
}

/** A malformed id in a path names nothing, like a foreign or a missing one; everything else is a fault to be named. */
function refusedInput(error: z.ZodError, raw: unknown, in_path: Set<string | undefined>): ApiError {
  return error.issues.some((issue) => in_path.has(String(issue.path[0]))) ? new ApiError("not_found") : invalid(...faultsOf(error, raw));
}

const trpcCodes: Record<number, TRPC_ERROR_CODE_KEY> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  402: "PAYMENT_REQUIRED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_SUPPORTED",
  409: "CONFLICT",
  412: "PRECONDITION_FAILED",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  422: "UNPROCESSABLE_CONTENT",
  429: "TOO_MANY_REQUESTS",
  500: "INTERNAL_SERVER_ERROR",
  502: "BAD_GATEWAY",
  503: "SERVICE_UNAVAILABLE",
  504: "GATEWAY_TIMEOUT",
};

const trpcCodeOf = (status: number): TRPC_ERROR_CODE_KEY => trpcCodes[status] ?? "INTERNAL_SERVER_ERROR";

/** A problem in the shape in which the typed client reads errors, also those of the front door. */
export function asRpcError(problem: Problem, path: string | null) {
  const code = trpcCodeOf(problem.status);
  return { message: problem.detail, code: TRPC_ERROR_CODES_BY_KEY[code], data: { code, httpStatus: problem.status, path, problem } };
}

/** What tRPC itself refuses before a procedure is reached. */
const ownRefusals: Partial<Record<TRPC_ERROR_CODE_KEY, ErrorCode>> = {
  PARSE_ERROR: "malformed_json",
  BAD_REQUEST: "validation_failed",
  NOT_FOUND: "not_found",
  METHOD_NOT_SUPPORTED: "method_not_allowed",
  PAYLOAD_TOO_LARGE: "payload_too_large",
  UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
};

/** The registry's error inside a tRPC error. What came from elsewhere says nothing of itself. */
export function apiErrorOf(error: TRPCError): ApiError {
  if (error.cause instanceof ApiError) return error.cause;
  if (error.code === "BAD_REQUEST" && error.cause instanceof SyntaxError)
    return new ApiError("malformed_json", { detail: "The input is not JSON.", cause: error });
  const refusal = ownRefusals[error.code];
  return refusal ? new ApiError(refusal, { detail: `${error.message}.`, cause: error }) : asApiError(error.cause ?? error);
}
