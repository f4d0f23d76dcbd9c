import type { Context } from "hono";
import { ApiError } from "../core/errors.ts";
import { ownOrigins } from "../sessions/cookie.ts";
import type { Front } from "./front-door.ts";

/**
 * Whatever is asked with a session's cookie, or for one, must come from a page of the portal: a browser says so in a
 * header that no page can write. It names no origin when a page reads from its own; reading changes nothing, and no
 * other website's page may read the answer.
 */
export function assertOwnPage(c: Context<Front>): void {
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site") ?? "none";
  const is_read = c.req.method === "GET" || c.req.method === "HEAD";
  const is_own =
    origin === undefined ? is_read && (site === "none" || site === "same-origin") : ownOrigins(c.get("services").settings).includes(origin);
  if (!is_own) throw new ApiError("origin_not_allowed", { detail: "Only the portal's own pages may ask with a session." });
}
