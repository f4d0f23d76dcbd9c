import type { TRPCError } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { Hono } from "hono";
import { ApiError, invalid } from "../core/errors.ts";
import { appRouter } from "../router.ts";
import { apiErrorOf } from "../trpc/rpc-error.ts";
import { assertJson } from "./body.ts";
import type { Front } from "./front-door.ts";
import { sendProblem } from "./problem.ts";
import { withHeaders } from "./request-headers.ts";

const calls_per_batch = 20;

/** The same procedures for the typed client. */
export function rpc(): Hono<Front> {
  const app = new Hono<Front>();
  app.all("/trpc/*", async (c) => {
    let ctx = c.get("ctx");
    let reached = false;
    let refused: TRPCError | undefined;
    try {
      assertCallable(c.req.raw);
      ctx = withHeaders(c, ctx);
      if (ctx.idempotency) assertOneCall(c.req.path);
    } catch (error) {
      return sendProblem(c, error);
    }
    const response = await fetchRequestHandler({
      endpoint: "/trpc",
      req: c.req.raw,
      router: appRouter,
      maxBatchSize: calls_per_batch,
      createContext() {
        reached = true;
        return ctx;
      },
      onError({ error, path = "" }) {
        refused = error;
        const fault = apiErrorOf(error);
        if (reached && fault.status >= 500)
          ctx.log.error({ err: fault.cause ?? fault, request_id: ctx.request_id, instance: `/trpc/${path}` }, "request failed");
      },
      responseMeta: ({ errors }) => ({ headers: new Headers(errors[0] && apiErrorOf(errors[0]).options.headers) }),
    });
    // What tRPC refuses before it asks for a context has no request id in its own answer.
    if (refused && !reached) return sendProblem(c, apiErrorOf(refused));
    if (ctx.idempotency?.is_replayed) response.headers.set("Idempotent-Replayed", "true");
    for (const [name, value] of Object.entries(c.get("headers"))) response.headers.set(name, value);
    return response;
  });
  return app;
}

/** A key is of one request: of a batch nobody could say which of its calls had been answered. */
function assertOneCall(path: string): void {
  if (!path.includes(",")) return;
  throw invalid({ pointer: "", code: "invalid_idempotency_key", detail: "Idempotency-Key is for one call, and this is a batch." });
}

/** tRPC would take forms and streams for inputs, and answer HEAD with nothing. */
function assertCallable({ method, headers }: Request): void {
  if (method !== "GET" && method !== "POST")
    throw new ApiError("method_not_allowed", { detail: "Use GET or POST.", headers: { Allow: "GET, POST" } });
  if (method === "POST" || headers.has("content-type")) assertJson(headers);
}
