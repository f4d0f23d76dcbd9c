import { serve } from "@hono/node-server";
import { readConfig } from "../../src/config.ts";
import { openWorld } from "../../src/bin/world.ts";

/** The service as it is, on a port of its own, told to the parent. */
const world = await openWorld(readConfig());
serve({ fetch: world.app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send!(port));
// Ends by itself, so that a profile is written when one was asked for.
process.once("SIGTERM", () => process.exit(0));
