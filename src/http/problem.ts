import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import { asApiError, problemOf } from "../core/errors.ts";
import { asRpcError } from "../trpc/rpc-error.ts";
import type { Front } from "./front-door.ts";
import { respond } from "./respond.ts";

/** The one shape of an error over HTTP: RFC 9457, for the typed client inside tRPC's own. A fault of ours says nothing but its request id. */
export function sendProblem(c: Context<Front>, thrown: unknown, instance: string = instanceOf(c)): Response {
  const error = asApiError(thrown);
  const services = c.get("services");
  const request_id = c.get("request_id");
  if (error.status >= 500) services.log.error({ err: error.cause ?? error, request_id, instance }, "request failed");
  const problem = problemOf(error, { docs_url: `${services.settings.public_url}/docs`, instance, request_id });
  const is_rpc = /^\/trpc(\/|$)/.test(c.req.path);
  return respond(c, JSON.stringify(is_rpc ? { error: asRpcError(problem, null) } : problem), error.status, {
    ...error.options.headers,
    "Content-Type": is_rpc ? "application/json" : "application/problem+json",
    "Cache-Control": "no-store",
  });
}

/** The template of the route that the request asks for; a path that is no route is not echoed. */
const instanceOf = (c: Context<Front>): string => routeOf(c) ?? c.req.path.split("/").slice(0, 2).join("/");

/** Behind it there may be a net for what is asked of it in a wrong way. */
export function routeOf(c: Context<Front>): string | undefined {
  const route = matchedRoutes(c).find(({ path }) => !path.includes("*"));
  return route && templateOf(route.path);
}

export const templateOf = (path: string): string => path.replace(/:(\w+)/g, "{$1}");
