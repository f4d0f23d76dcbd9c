import { Hono } from "hono";
import { ApiError, unauthorized } from "../core/errors.ts";
import { sameSecret } from "../core/same-secret.ts";
import { chores, type ChoreName } from "../chores.ts";
import type { Front } from "./front-door.ts";
import { sendProblem } from "./problem.ts";
import { respondJson } from "./respond.ts";

const budget_ms = 25_000;
const no_such_chore = `There is no such chore. There are: ${Object.keys(chores).join(", ")}.`;

/** Background work for schedulers that call from outside: `POST /cron/<chore>`, or GET for those that can only GET. */
export function cron(cron_secret: string, stopping: AbortSignal | undefined): Hono<Front> {
  const app = new Hono<Front>();
  app.on(["GET", "POST"], "/cron/:chore", async (c) => {
    const given = c.req.header("authorization");
    if (!sameSecret(given, `Bearer ${cron_secret}`)) {
      const reason = given === undefined ? "missing_token" : "unknown_token";
      return sendProblem(c, unauthorized(reason, "Send the cron secret as `Authorization: Bearer …`."));
    }
    const name = c.req.param("chore");
    if (!Object.hasOwn(chores, name)) return sendProblem(c, new ApiError("not_found", { detail: no_such_chore }));
    const started_ms = performance.now();
    try {
      const report = await chores[name as ChoreName](c.get("services"), { budget_ms, signal: stopping });
      return respondJson(c, { ...report, duration_ms: Math.round(performance.now() - started_ms) });
    } catch (error) {
      return sendProblem(c, error);
    }
  });
  return app;
}
