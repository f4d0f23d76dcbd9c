import type { Context } from "hono";
import type { Front } from "./front-door.ts";

type Headers = Record<string, string>;

/** What every answer to this request will carry, whoever makes it. */
export const addHeaders = (c: Context<Front>, headers: Headers): void => void Object.assign(c.get("headers"), headers);

/**
 * The one way an answer is made: with what has been gathered for every answer to this request. The headers stay a plain
 * record until they are written; making `Headers` of them on the way took as long as finding who asks.
 */
export function respond(
  c: Context<Front>,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
  status = 200,
  headers: Headers = {},
): Response {
  return new Response(body, { status, headers: { ...c.get("headers"), ...headers } });
}

export const respondJson = (c: Context<Front>, value: unknown, status = 200): Response =>
  respond(c, JSON.stringify(value), status, { "Content-Type": "application/json" });

export const respondHtml = (c: Context<Front>, markup: string): Response =>
  respond(c, markup, 200, { "Content-Type": "text/html; charset=utf-8" });
