import { openWorld } from "../../src/bin/world.ts";
import { readConfig } from "../../src/config.ts";
import { dispatchDeliveries } from "../../src/dispatch/dispatch-deliveries.ts";

/** The dispatcher as it is, until nothing is due. */
const world = await openWorld(readConfig());
const started_ms = performance.now();
const report = await dispatchDeliveries(world.services, { budget_ms: Infinity });
const elapsed_ms = performance.now() - started_ms;
if (report.succeeded !== report.claimed) throw new Error(`of ${report.claimed} only ${report.succeeded} succeeded`);
process.send!((report.succeeded * 1000) / elapsed_ms, () => process.exit(0));
