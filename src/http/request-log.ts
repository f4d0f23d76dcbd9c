import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Front } from "./front-door.ts";
import { routeOf } from "./problem.ts";

/** One line a request: the route's template, never its ids, query or headers. */
export const requestLog = (): MiddlewareHandler<Front> => async (c, next) => {
  const started_ms = performance.now();
  await next();
  c.get("services").log.info(
    {
      request_id: c.get("request_id"),
      workspace_id: c.get("ctx")?.workspace_id,
      method: c.req.method,
      route: routeOf(c) ?? routePath(c, -1),
      status: c.res.status,
      duration_ms: Math.round((performance.now() - started_ms) * 10) / 10,
    },
    "request",
  );
};
