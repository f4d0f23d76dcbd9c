import type { Context } from "hono";
import { etagOf, namesTag } from "../core/etag.ts";
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

export const respondHtml = (c: Context<Front>, markup: string): Response => respond(c, markup, 200, { "Content-Type": html_type });

export const html_type = "text/html; charset=utf-8";

/** An answer that is the same each time, as the bytes that all of its readers share. */
export interface Kept {
  type: string;
  bytes: Uint8Array<ArrayBuffer>;
  etag: string;
}

export const kept = (type: string, text: string): Kept => ({ type, bytes: new TextEncoder().encode(text), etag: etagOf(text) });

/** Whoever has it asks whether it is still so, which costs next to nothing. */
export function respondKept(c: Context<Front>, { type, bytes, etag }: Kept): Response {
  const headers = { ETag: etag, "Cache-Control": "no-cache" };
  const known = c.req.header("if-none-match");
  return known !== undefined && namesTag(known, etag, "weak")
    ? respond(c, null, 304, headers)
    : respond(c, bytes, 200, { ...headers, "Content-Type": type });
}
