import type { Context } from "hono";
import type { Ctx } from "../core/context.ts";
import { invalid } from "../core/errors.ts";

/** What the standard headers of a request add to its context: `Idempotency-Key` on POST, `If-Match` on changes. */
export function withHeaders(c: Context, ctx: Ctx): Ctx {
  const { method } = c.req;
  const key = method === "POST" ? c.req.header("idempotency-key") : undefined;
  const if_match = method === "PATCH" || method === "DELETE" ? c.req.header("if-match") : undefined;
  if (key !== undefined) assertKey(key);
  return {
    ...ctx,
    ...(key !== undefined && { idempotency: { key, method, path: c.req.path, is_replayed: false } }),
    ...(if_match !== undefined && { if_match }),
  };
}

function assertKey(key: string): void {
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return;
  throw invalid({
    pointer: "",
    code: "invalid_idempotency_key",
    detail: "Idempotency-Key must have 1 to 255 printable ASCII characters and no spaces.",
  });
}
