import { readConfig } from "../../src/config.ts";
import { openWorld } from "../../src/bin/world.ts";
import { openServer } from "../../src/http/open-server.ts";

/** The service as it is, on a port of its own, told to the parent. */
const world = await openWorld(readConfig());
const { port } = await openServer(world.app, world.services, { port: 0, host: "127.0.0.1" });
process.send!(port);
// Ends by itself, so that a profile is written when one was asked for.
process.once("SIGTERM", () => process.exit(0));
