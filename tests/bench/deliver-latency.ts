import { openWorld } from "../../src/bin/world.ts";
import { startScheduler } from "../../src/chores.ts";
import { readConfig } from "../../src/config.ts";
import { systemCtx } from "../../src/core/context.ts";
import { idOf } from "../../src/core/ids.ts";
import { atomically } from "../../src/db/atomically.ts";
import { events, webhook_deliveries } from "../../src/webhooks/tables.ts";

/** Writes a hundred events a second beside the scheduler, and tells when each was committed. */
const { workspace, endpoints, body, count } = JSON.parse(process.argv[2]!) as {
  workspace: string;
  endpoints: string[];
  body: string;
  count: number;
};
const world = await openWorld(readConfig());
const scheduler = startScheduler(world.services);
world.onWake(scheduler.wake);
await world.hear();
const ctx = systemCtx(world.services, idOf("ws", workspace));

const committed: { id: string; at: string }[] = [];
const began = performance.now();
for (let n = 0; n < count; n++) {
  const { id: event_id, now } = { id: ctx.newId("evt"), now: ctx.now() };
  const id = ctx.newId("dlv");
  const kind = { workspace_id: ctx.workspace_id, created_at: now };
  const endpoint_id = idOf("whe", endpoints[n % endpoints.length]!);
  await atomically(ctx, async (tx) => {
    await tx.db.insert(events).values({ ...kind, id: event_id, type: "new_message", channel: "whatsapp", payload: body });
    await tx.db
      .insert(webhook_deliveries)
      .values({ ...kind, id, endpoint_id, event_id, event_type: "new_message", status: "ready", due_at: now, updated_at: now });
    tx.wake("webhooks");
  });
  committed.push({ id, at: String(process.hrtime.bigint()) });
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + (n + 1) * 10 - performance.now())));
}
await new Promise((resolve) => setTimeout(resolve, 1000));
await scheduler.stop();
await world.close();
process.send!(committed, () => process.exit(0));
