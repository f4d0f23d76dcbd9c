import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { admit, type Admission, type Window } from "../rate-limits/admit.ts";
import { isWellFormed, digestOf } from "../api-keys/token.ts";
import type { Ctx, Services } from "../core/context.ts";
import { ApiError, unauthorized } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { after, seconds } from "../core/time.ts";
import { createAddressReader, limitSubject } from "./client-address.ts";
import { sendProblem } from "./problem.ts";

/** What a request carries from door to door. */
export interface Front {
  Variables: { services: Services; request_id: Id<"req">; ctx: Ctx };
}

interface Rules {
  ip_limit_per_minute: number;
  trusted_proxies: readonly string[];
}

const body_limit_bytes = 1024 * 1024;

/** Every request has an id, ours alone to give. */
export const requestId =
  (services: Services): MiddlewareHandler<Front> =>
  async (c, next) => {
    c.set("services", services);
    c.set("request_id", services.newId("req"));
    await next();
    c.header("X-Request-Id", c.var.request_id);
  };

export const limitBody = (max_bytes: number = body_limit_bytes): MiddlewareHandler<Front> =>
  bodyLimit({
    maxSize: max_bytes,
    onError: (c) => sendProblem(c as Context<Front>, new ApiError("payload_too_large", { detail: `The body may have at most ${max_bytes} bytes.` })),
  });

/**
 * Authenticates and limits in one round trip to the database, before any route is looked at: whoever has no
 * key learns nothing about what exists.
 */
export function admission(rules: Rules): MiddlewareHandler<Front> {
  const addressOf = createAddressReader(rules.trusted_proxies);
  const forgeries = new Forgeries(rules.ip_limit_per_minute);

  return async (c, next) => {
    const { services, request_id } = c.var;
    try {
      const ip = limitSubject(addressOf(c));
      const token = bearerToken(c);
      if (!isWellFormed(token)) {
        forgeries.count(ip, services.now());
        throw unauthorized("unknown_token", "The API key is mistyped or was never made.");
      }
      const admitted = await admit(services, { digest: digestOf(token), ip, ip_limit: rules.ip_limit_per_minute, cost: costOf(c) });
      if (admitted.windows) describeLimits(c, admitted.windows, admitted.reset_seconds);
      c.set("ctx", { ...services, request_id, workspace_id: admitted.key.workspace_id, actor: actorOf(admitted.key) });
    } catch (error) {
      return sendProblem(c, error);
    }
    return next();
  };
}

const actorOf = ({ id, name, scopes }: Admission["key"]): Ctx["actor"] => ({ type: "api_key", id, name, scopes });

function bearerToken(c: Context): string {
  const header = c.req.header("authorization");
  if (header === undefined) throw unauthorized("missing_token", "Send your API key as `Authorization: Bearer wsk_live_…`; it is read nowhere else.");
  const token = /^Bearer +([^\s]+) *$/i.exec(header)?.[1];
  if (token === undefined || !token.startsWith("wsk_")) throw unauthorized("malformed_token", "The header must read `Authorization: Bearer wsk_live_…`.");
  return token;
}

/** Each call of a tRPC batch counts; the path names them. */
function costOf(c: Context): number {
  const { path } = c.req;
  return path.startsWith("/trpc/") && c.req.query("batch") === "1" ? path.split(",").length : 1;
}

/** draft-ietf-httpapi-ratelimit-headers-10 for all three windows, and the older names for the key's. */
function describeLimits(c: Context, windows: Window[], reset_seconds: number): void {
  c.header("RateLimit-Policy", windows.map(({ scope, limit }) => `"${scope}";q=${limit};w=60`).join(", "));
  c.header("RateLimit", windows.map(({ scope, remaining }) => `"${scope}";r=${remaining};t=${reset_seconds}`).join(", "));
  const key = windows.find(({ scope }) => scope === "key");
  if (!key) return;
  c.header("X-RateLimit-Limit", String(key.limit));
  c.header("X-RateLimit-Remaining", String(key.remaining));
  c.header("X-RateLimit-Reset", String(reset_seconds));
}

/** Tokens that fail their checksum never reach the database; each address may try only so many a minute. */
class Forgeries {
  readonly #limit: number;
  #until = "";
  #tries = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  count(ip: string, now: string): void {
    if (now >= this.#until) {
      this.#until = after(now, seconds(60));
      this.#tries.clear();
    }
    const tries = (this.#tries.get(ip) ?? 0) + 1;
    // Beyond this many addresses a minute the map would be the attack.
    if (this.#tries.size < 100_000) this.#tries.set(ip, tries);
    if (tries > this.#limit) throw new ApiError("too_many_requests", { headers: { "Retry-After": "60" }, members: { limit: { scope: "ip", limit: this.#limit, window_seconds: 60, reset_at: this.#until } } });
  }
}
