import { serve } from "@hono/node-server";
import { readConfig } from "../config.ts";
import { startScheduler, type Scheduler } from "../jobs.ts";
import { printWelcome, seedDemo } from "./demo-workspace.ts";
import { openWorld } from "./world.ts";

/** API, dispatcher, scheduler and docs in one process. */
async function main(): Promise<void> {
  const config = readConfig();
  const world = await openWorld(config);
  const demo = config.database.kind === "embedded" ? await seedDemo(world.services) : undefined;

  let scheduler: Scheduler | undefined;
  if (config.scheduler) {
    scheduler = startScheduler({ services: world.services, poster: world.poster });
    world.onWake(scheduler.wake);
  }
  const server = serve({ fetch: world.app.fetch, port: config.port, hostname: config.host }, () => printWelcome(config, demo));
  server.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });

  /** What is under way ends, what waits stays in its rows. */
  const stop = async () => {
    await new Promise((closed) => server.close(closed));
    await scheduler?.stop();
    await world.close();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop());
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
