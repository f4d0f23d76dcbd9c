import { readConfig } from "../config.ts";
import { run } from "./run.ts";
import { openWorld } from "./world.ts";

/** Brings the configured database to the newest migration. */
run(async () => {
  const world = await openWorld(readConfig());
  await world.close();
  console.log("The database is up to date.");
});
