import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { LastUsed } from "../api-keys/last-used.ts";
import { digestOf, isWellFormed } from "../api-keys/token.ts";
import type { Ctx, Services } from "../core/context.ts";
import { ApiError, unauthorized, unavailable } from "../core/errors.ts";
import { extended } from "../core/extended.ts";
import type { Id } from "../core/ids.ts";
import { Admissions } from "../rate-limits/admissions.ts";
import type { Admission } from "../rate-limits/admit.ts";
import { describeWindows } from "../rate-limits/describe-windows.ts";
import { OwnWindow } from "../rate-limits/own-window.ts";
import { takeFromWindow } from "../rate-limits/take-from-window.ts";
import { admitMember } from "../sessions/admit-member.ts";
import { hasCookie, readCookie } from "../sessions/cookie.ts";
import { noSession } from "../sessions/find-session.ts";
import { scopesOf } from "../team/roles.ts";
import { cutShort } from "./body.ts";
import { createAddressReader, limitSubject } from "./client-address.ts";
import { assertOwnPage } from "./own-page.ts";
import { sendProblem } from "./problem.ts";
import { addHeaders } from "./respond.ts";

/** What a request carries from door to door. */
export interface Front {
  Variables: {
    services: Services;
    request_id: Id<"req">;
    /** What every answer to it carries. */
    headers: Record<string, string>;
    ctx: Ctx;
  };
}

export interface Rules {
  /** How long a request waits for a free connection to the database before it is sent away. */
  database_wait_ms?: number;
  ip_limit_per_minute: number;
  /** How many passwords one address may try. */
  sign_in_limit_per_minute?: number;
  trusted_proxies: readonly string[];
}

const body_limit_bytes = 1024 * 1024;
const database_wait_ms = 5000;

/** Every request has an id, ours alone to give. What is answered is what it is said to be and, where it came by TLS, comes by nothing else. */
export const requestId = (services: Services): MiddlewareHandler<Front> => {
  const always = {
    "X-Content-Type-Options": "nosniff",
    ...(services.settings.public_url.startsWith("https:") && { "Strict-Transport-Security": "max-age=31536000" }),
  };
  return (c, next) => {
    const request_id = services.newId("req");
    c.set("services", services);
    c.set("request_id", request_id);
    c.set("headers", { "X-Request-Id": request_id, ...always });
    return next();
  };
};

export function limitBody(max_bytes: number = body_limit_bytes): MiddlewareHandler<Front> {
  const tooLarge = () => new ApiError("payload_too_large", { detail: `The body may have at most ${max_bytes} bytes.` });
  const limited = bodyLimit({ maxSize: max_bytes, onError: (c) => sendProblem(c as Context<Front>, tooLarge()) });
  return async (c, next) => {
    if (c.req.method === "GET" || c.req.method === "HEAD") return next();
    const declared = c.req.header("transfer-encoding") === undefined ? c.req.header("content-length") : undefined;
    // What was declared is what is read: Node's parser sees to that. Looking at the body would make a stream of it.
    if (declared !== undefined) return Number(declared) > max_bytes ? sendProblem(c, tooLarge()) : next();
    // A body of no declared length is read here; what fails in there is the connection, which is nobody's fault here.
    return limited(c, next).catch((cause: unknown) => sendProblem(c, cutShort(cause)));
  };
}

/** Whoever may read without a key is counted too. */
export function limitOpen(rules: Rules): MiddlewareHandler<Front> {
  const addressOf = createAddressReader(rules.trusted_proxies);
  const readings = new OwnWindow("requests for open pages", rules.ip_limit_per_minute);
  return async (c, next) => {
    try {
      readings.count(limitSubject(addressOf(c)), c.get("services").now());
    } catch (error) {
      return sendProblem(c, error);
    }
    return next();
  };
}

/**
 * Authenticates and limits in one round trip to the database, before any route is looked at: whoever has no
 * key learns nothing about what exists.
 */
export function admission(rules: Rules, last_used: LastUsed): MiddlewareHandler<Front> {
  const addressOf = createAddressReader(rules.trusted_proxies);
  const admissions = new Admissions();
  // They fail their checksum, so they never reach the database.
  const forgeries = new OwnWindow("malformed API keys", rules.ip_limit_per_minute);
  const free = new OwnWindow("requests that cost nothing", rules.ip_limit_per_minute);

  return async (c, next): Promise<Response | void> => {
    const services = c.get("services");
    const cost = costOf(c);
    let admitted: Admission;
    try {
      const ip = limitSubject(addressOf(c));
      const token = readToken(c, () => forgeries.count(ip, services.now()));
      if (cost === 0) free.count(ip, services.now());
      const asker = { digest: digestOf(token), ip, ip_limit: rules.ip_limit_per_minute };
      const asked = admissions.admit(services, asker, cost).catch(async (error: unknown) => {
        // Free for whoever has a key: everybody else is counted, whatever they ask for.
        if (cost === 0 && isUnauthorized(error))
          await takeFromWindow(services, { scope: "ip", subject: ip, limit: asker.ip_limit, cost: 1 });
        throw error;
      });
      admitted = await inTime(rules.database_wait_ms ?? database_wait_ms, asked);
    } catch (error) {
      return sendProblem(c, error);
    }
    const { key } = admitted;
    last_used.note(key);
    if (cost > 0) services.tally.note("api_requests", { workspace_id: key.workspace_id, api_key_id: key.id }, cost);
    letIn(c, admitted, key.workspace_id, { type: "api_key", id: key.id, name: key.name, scopes: key.scopes });
    return next();
  };
}

/** The same for the portal: a session's cookie stands for a key where none is sent. */
export function admissionOfMembers(rules: Rules, admitKey: MiddlewareHandler<Front>): MiddlewareHandler<Front> {
  const addressOf = createAddressReader(rules.trusted_proxies);

  return async (c, next): Promise<Response | void> => {
    const services = c.get("services");
    const cookies = c.req.header("cookie");
    if (c.req.header("authorization") !== undefined || !hasCookie(services, cookies)) return admitKey(c, next);
    try {
      assertOwnPage(c);
      const token = readCookie(services, cookies);
      if (token === undefined) throw noSession();
      const ip = limitSubject(addressOf(c));
      const asked = admitMember(services, { token, ip, ip_limit: rules.ip_limit_per_minute, cost: costOf(c) });
      const admitted = await inTime(rules.database_wait_ms ?? database_wait_ms, asked);
      const { id, name, role, workspace_id } = admitted.member;
      letIn(c, admitted, workspace_id, { type: "member", id, name, scopes: scopesOf(role) });
    } catch (error) {
      return sendProblem(c, error);
    }
    return next();
  };
}

/** Who was admitted asks in their own name from here on, and is told of their windows in every answer. */
function letIn(
  c: Context<Front>,
  { windows, reset_seconds, reset_at }: Pick<Admission, "windows" | "reset_seconds" | "reset_at">,
  workspace_id: Id<"ws">,
  actor: Ctx["actor"],
): void {
  const admission = { windows, reset_seconds, reset_at };
  c.set("ctx", extended(c.get("services"), { admission, request_id: c.get("request_id"), workspace_id, actor }));
  // What is theirs is kept nowhere on the way; what has a tag says otherwise.
  addHeaders(c, { ...describeWindows(windows, reset_seconds), "Cache-Control": "no-store" });
}

/** Every request asks the database first, so this is where a crowd before it shows. */
async function inTime<T>(ms: number, asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(new Error(`no connection to the database within ${ms} ms`))), ms);
  });
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

/** The token of a request that carries a well-formed one; whatever else is sent is counted and refused, without the database. */
function readToken(c: Context, countForgery: () => void): string {
  const header = c.req.header("authorization");
  if (header === undefined && isElsewhere(c)) {
    throw unauthorized(
      "missing_token",
      "An API key is read from the header `Authorization: Bearer wsk_live_…` and nowhere else. What stands in a URL stands in logs: revoke that key.",
    );
  }
  if (header === undefined) throw unauthorized("missing_token", "Send your API key as `Authorization: Bearer wsk_live_…`.");
  const token = /^Bearer +(wsk_[^\s]+) *$/i.exec(header)?.[1];
  if (token !== undefined && isWellFormed(token)) return token;
  countForgery();
  throw unauthorized(
    "malformed_token",
    token === undefined
      ? "The header must read `Authorization: Bearer wsk_live_…`."
      : "The API key is mistyped or was never made: its checksum is wrong.",
  );
}

const isUnauthorized = (error: unknown): boolean => error instanceof ApiError && error.code === "unauthorized";

/** Where keys are sent by those who know other APIs. */
const isElsewhere = ({ req }: Context): boolean =>
  req.header("x-api-key") !== undefined ||
  ["api_key", "apikey", "access_token", "token", "key"].some((name) => req.query(name) !== undefined);

/** To ask what remains is free. Each call of a tRPC batch counts. tRPC finds them in the decoded path, where a comma may have been `%2C`. */
function costOf({ req }: Context): number {
  if (req.path === "/v1/rate_limit" && (req.method === "GET" || req.method === "HEAD")) return 0;
  if (!req.path.startsWith("/trpc/")) return 1;
  const { pathname, searchParams } = new URL(req.url);
  return searchParams.get("batch") === "1" ? pathname.split(/,|%2c/i).length : 1;
}
