import { TRPCError } from "@trpc/server";
import { Hono, type Context } from "hono";
import type { z } from "zod";
import type { Ctx } from "../core/context.ts";
import { ApiError, invalid } from "../core/errors.ts";
import { etagOf, namesTag } from "../core/etag.ts";
import { unknownField } from "../core/faults.ts";
import { appRouter } from "../router.ts";
import type { OperationMeta } from "../trpc/procedure.ts";
import { apiErrorOf } from "../trpc/rpc-error.ts";
import { readJsonBody } from "./body.ts";
import type { Front } from "./front-door.ts";
import { respondLines } from "./lines.ts";
import { withHeaders } from "./request-headers.ts";
import { readPath, readQuery, type Parameters } from "./parameters.ts";
import { sendProblem, templateOf } from "./problem.ts";
import { respond } from "./respond.ts";

/** A published operation, as its procedure describes it. */
export interface Published {
  /** Its name in the router. */
  procedure: string;
  call: Procedure;
  method: string;
  /** With `{names}`, as in the document. */
  path: string;
  meta: OperationMeta;
  input: z.ZodType;
}

/** As tRPC's own adapters call it. */
interface Procedure {
  (call: { ctx: Ctx; getRawInput: () => Promise<unknown>; path: string; type: "query" | "mutation" }): Promise<unknown>;
  _def: { meta?: OperationMeta; inputs: z.ZodType[] };
}

export const published: Published[] = Object.entries(appRouter._def.procedures as unknown as Record<string, Procedure>)
  .flatMap(([procedure, call]) => {
    const { meta, inputs } = call._def;
    const openapi = meta?.openapi;
    const [input] = inputs;
    return meta && openapi && input ? [{ procedure, call, method: openapi.method, path: openapi.path, meta, input }] : [];
  })
  // A fixed segment wins over a parameter, as OpenAPI says; Hono goes by order.
  .sort((a, b) => (sortKey(a.path) < sortKey(b.path) ? -1 : 1));

/** A brace sorts behind every letter. */
function sortKey(path: string): string {
  return path.replace(/\{\w+\}/g, "{");
}

/** One Hono route for each procedure: Hono matches, the procedure executes. A path is left to none behind it: what it does not allow is 405. */
export function rest(): Hono<Front> {
  const app = new Hono<Front>();
  for (const path of new Set(published.map((operation) => operation.path))) {
    const operations = published.filter((operation) => operation.path === path);
    for (const operation of operations) app.on(operation.method, honoPath(path), handler(operation));
    const allow = allowed(operations);
    app.all(honoPath(path), (c) =>
      sendProblem(c, new ApiError("method_not_allowed", { detail: `Use ${allow}.`, headers: { Allow: allow } })),
    );
  }
  return app;
}

function handler({ procedure, call, method, path, meta, input }: Published) {
  const type = method === "GET" ? "query" : "mutation";
  const parameters: Parameters = { shape: fieldsOf(input), in_path: namesIn(path) };
  const has_body = method !== "GET";

  return async (c: Context<Front>): Promise<Response> => {
    try {
      const ctx = withHeaders(c, c.get("ctx"));
      const query = readQuery(c.req.url, parameters);
      if (has_body) assertNoQuery(query);
      const given = { ...(has_body ? await readJsonBody(c.req.raw, parameters.in_path) : query), ...readPath(c.req.param(), parameters) };
      const output = await call({ ctx, getRawInput: async () => given, path: procedure, type });
      if (meta.is_stream) return await respondLines(c, output as AsyncIterable<object[]>);
      const headers: Record<string, string> = {
        ...(meta.location !== undefined && { Location: meta.location.replace("{id}", (output as { id: string }).id) }),
        ...(ctx.idempotency?.is_replayed && { "Idempotent-Replayed": "true" }),
      };
      return render(c, output as object, meta, headers);
    } catch (error) {
      return sendProblem(c, error instanceof TRPCError ? apiErrorOf(error) : error, templateOf(path));
    }
  };
}

/** A single resource carries a strong entity tag; whoever has it already is told so. */
function render(c: Context<Front>, output: object, { status, is_list }: OperationMeta, headers: Record<string, string>): Response {
  const body = JSON.stringify(output);
  headers["Content-Type"] = "application/json";
  if (c.req.method === "POST" || is_list) return respond(c, body, status, headers);
  headers["ETag"] = etagOf(body);
  // RFC 9110 §13.1.2: of what was changed nobody is told that it is as it was.
  if (c.req.method === "PATCH" || c.req.method === "DELETE") return respond(c, body, status, headers);
  headers["Cache-Control"] = "private, no-cache";
  const known = c.req.header("if-none-match");
  return known !== undefined && namesTag(known, headers["ETag"], "weak")
    ? respond(c, null, 304, { ETag: headers["ETag"], "Cache-Control": "private, no-cache" })
    : respond(c, body, status, headers);
}

function assertNoQuery(query: Record<string, unknown>): void {
  const faults = Object.keys(query).map((name) => unknownField([name], `${name} is not a query parameter of this operation.`));
  if (faults.length > 0) throw invalid(...faults);
}

const fieldsOf = (input: z.ZodType): Record<string, z.ZodType> => (input as z.ZodObject).def.shape as Record<string, z.ZodType>;
const namesIn = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
const honoPath = (path: string): string => path.replace(/\{(\w+)\}/g, ":$1");

function allowed(operations: Published[]): string {
  const methods = operations.map((operation) => operation.method);
  return (methods.includes("GET") ? [...methods, "HEAD"] : methods).sort().join(", ");
}
