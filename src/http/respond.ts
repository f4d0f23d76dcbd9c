import type { Context } from "hono";
import type { Front } from "./front-door.ts";

/**
 * The one way an answer is made: with what has been gathered for every answer to this request. The headers stay a plain
 * record until they are written; making `Headers` of them on the way took as long as finding who asks.
 */
export function respond(
  c: Context<Front>,
  body: string | ReadableStream<Uint8Array> | null,
  status = 200,
  headers: Record<string, string> = {},
): Response {
  return new Response(body, { status, headers: { ...c.get("headers"), ...headers } });
}

export const respondJson = (c: Context<Front>, value: unknown, status = 200): Response =>
  respond(c, JSON.stringify(value), status, { "Content-Type": "application/json" });
