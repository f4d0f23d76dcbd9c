import { readConfig } from "../config.ts";
import { seconds } from "../core/time.ts";
import { startScheduler, type Scheduler } from "../chores.ts";
import { openServer } from "../http/open-server.ts";
import { makeDemo, printWelcome } from "./demo-workspace.ts";
import { run } from "./run.ts";
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
  const made = config.database.kind === "embedded" ? await makeDemo(world.services) : undefined;
  await world.hear();
  printWelcome(config, made?.demo);

  // Nobody waits for the story, which takes three seconds; but what it says to its receivers is for no other dispatcher.
  let scheduler: Scheduler | undefined;
  const begun = Promise.resolve(made?.tellStory()).then(() => {
    if (!config.scheduler) return;
    scheduler = startScheduler(world.services);
    world.onWake(scheduler.wake);
  });

  /** What is under way ends, what waits stays in its rows. */
  const end = async (): Promise<void> => {
    world.stop();
    await begun;
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
  await begun;
});
