import { Hono } from "hono";
import type { LastUsed } from "./api-keys/last-used.ts";
import type { Services } from "./core/context.ts";
import { ApiError } from "./core/errors.ts";
import { auth } from "./http/auth.ts";
import { cron } from "./http/cron.ts";
import { docs } from "./http/docs.ts";
import { admission, admissionOfMembers, limitBody, limitOpen, requestId, type Front, type Rules } from "./http/front-door.ts";
import { health } from "./http/health.ts";
import { hooks } from "./http/hooks.ts";
import { sendProblem } from "./http/problem.ts";
import { requestLog } from "./http/request-log.ts";
import { rest } from "./http/rest.ts";
import { rpc } from "./http/rpc.ts";
import { widget } from "./http/widget.ts";
import { widgetPages } from "./http/widget-pages.ts";
import { Streams } from "./widget/streams.ts";

export interface AppDeps extends Rules {
  services: Services;
  last_used: LastUsed;
  /** Where the visitors' pages listen, to be woken by whoever wakes. */
  streams?: Streams;
  cron_secret: string;
  /** Aborted when the process is to end. */
  stopping?: AbortSignal;
}

/** Everything that is mounted. */
export function createApp({ services, last_used, streams = new Streams(), cron_secret, stopping, ...rules }: AppDeps): Hono<Front> {
  const app = new Hono<Front>();
  app.use(requestId(services));
  app.use(requestLog());

  const door = admission(rules, last_used);
  app.use("/v1/*", limitBody(), door);
  app.use("/trpc/*", limitBody(), admissionOfMembers(rules, door));
  const open = limitOpen(rules);
  for (const path of ["/openapi.json", "/docs/*", "/widget.js", "/widget/demo"]) app.use(path, open);
  app.route("/", rest());
  app.route("/", rpc());
  app.route("/", auth(rules));
  app.route("/", hooks());
  app.route("/", widget(rules, streams));
  app.route("/", widgetPages());
  app.route("/", cron(cron_secret, stopping));
  app.route("/", docs());
  app.route("/", health());

  app.notFound((c) => sendProblem(c, new ApiError("not_found", { detail: "There is nothing at this path." })));
  app.onError((error, c) => sendProblem(c, error));
  return app;
}
