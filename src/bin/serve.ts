import { readConfig } from "../config.ts";
import { seconds } from "../core/time.ts";
import { startScheduler } from "../chores.ts";
import { openServer } from "../http/open-server.ts";
import { makeDemo } from "./demo-workspace.ts";
import { run } from "./run.ts";
import { printWelcome } from "./welcome.ts";
import { openWorld } from "./world.ts";

/** How long a connection may hold up the end: a cron call's whole budget, and less than orchestrators wait. */
const patience_ms = seconds(26);
/** How long the end may take as a whole. What is under way then is cut off: it is undone, or its lease runs out. */
const most_ms = seconds(28);

/** API, dispatcher, scheduler and docs in one process. */
run(async () => {
  const config = readConfig();
  const world = await openWorld(config);
  if (config.database.kind === "postgres" && !config.is_public_url_given)
    world.log.warn(
      { public_url: config.public_url },
      "PUBLIC_URL is not set: sign-in, links and providers' callbacks work on this machine alone",
    );
  const server = await openServer(world.app, world.services, config).catch(async (error: unknown) => {
    await world.close();
    throw error;
  });
  // Only now: a demo whose credentials are never shown, because the port was taken, would be of no use.
  const demo = config.database.kind === "embedded" ? await makeDemo(world.services) : undefined;
  await world.hear();

  const scheduler = config.scheduler ? startScheduler(world.services) : undefined;
  if (scheduler) world.onWake(scheduler.wake);

  /** What is under way ends, what waits stays in its rows. */
  const end = async (): Promise<void> => {
    world.stop();
    await Promise.all([server.close(patience_ms), scheduler?.stop()]);
    await world.close();
  };
  const stop = (): void => {
    const fail = (err: unknown): never => {
      world.log.error({ err }, "the process did not end well");
      process.exit(1);
    };
    setTimeout(() => fail(new Error(`what was under way did not end within ${most_ms} ms`)), most_ms);
    end().then(() => process.exit(0), fail);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);

  printWelcome(config, demo);
});
