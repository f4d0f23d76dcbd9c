import { Hono } from "hono";
import { isReady } from "../db/is-ready.ts";
import type { Front } from "./front-door.ts";
import { respondJson } from "./respond.ts";

/** `/healthz`: the process lives. `/readyz`: it can do its work, which takes the database. */
export function health(): Hono<Front> {
  const app = new Hono<Front>();
  app.get("/healthz", (c) => respondJson(c, { status: "ok" }));
  app.get("/readyz", async (c) =>
    (await isReady(c.get("services").db)) ? respondJson(c, { status: "ok" }) : respondJson(c, { status: "unavailable" }, 503),
  );
  return app;
}
