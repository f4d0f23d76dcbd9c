import { Hono } from "hono";
import { isReady } from "../db/is-ready.ts";
import type { Front } from "./front-door.ts";

/** `/healthz`: the process lives. `/readyz`: it can do its work, which takes the database. */
export function health(): Hono<Front> {
  const app = new Hono<Front>();
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", async (c) => ((await isReady(c.var.services.db)) ? c.json({ status: "ok" }) : c.json({ status: "unavailable" }, 503)));
  return app;
}
