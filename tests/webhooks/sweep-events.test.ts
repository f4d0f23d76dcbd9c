import { and, eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { after, hours } from "../../src/core/time.ts";
import { webhook_attempts, webhook_deliveries, webhook_endpoint_hours, events } from "../../src/webhooks/tables.ts";
import { mine } from "../../src/db/mine.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { onPostgres, openDatabase } from "../support/database.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { leaveDeliveries } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

const days = (n: number) => hours(24 * n);

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(204);
  const { id } = await tenant.endpoint(receiver.url);
  const count = async () => ({
    events: (await rowsOf(tenant, events)).length,
    deliveries: (await rowsOf(tenant, webhook_deliveries)).length,
    attempts: (await rowsOf(tenant, webhook_attempts)).length,
  });
  return { world, tenant, id, count };
}

test("events, deliveries and attempts are kept for thirty days and then go together", async () => {
  const { world, tenant, count } = await setUp();
  await tenant.hears("Hello");
  await world.deliver();
  world.advance(days(29.9));
  await tenant.hears("Hello again");
  await world.deliver();
  await world.sweep();
  expect(await count()).toEqual({ events: 2, deliveries: 2, attempts: 2 });
  world.advance(days(0.2));
  await world.sweep();
  expect(await count()).toEqual({ events: 1, deliveries: 1, attempts: 1 });
});

test("a workspace may keep them for longer or less", async () => {
  const { world, tenant, count } = await setUp();
  await tenant.ctx.db.update(workspaces).set({ event_retention_days: 2 }).where(eq(workspaces.id, tenant.workspace_id));
  await tenant.hears("Hello");
  await world.deliver();
  world.advance(days(2.1));
  await world.sweep();
  expect(await count()).toEqual({ events: 0, deliveries: 0, attempts: 0 });
});

test("what is older than a step holds goes too", async () => {
  const { world, tenant, id, count } = await setUp();
  await leaveDeliveries(tenant.ctx, id, 600, { status: "succeeded", completed_at: world.now() });
  await leaveDeliveries(tenant.ctx, id, 600, { status: "failed", completed_at: world.now() });
  world.advance(days(31));
  await world.sweep();
  expect(await count()).toEqual({ events: 0, deliveries: 0, attempts: 0 });
});

test("what still waits or runs stays, with its event, however old", async () => {
  const { world, tenant, id } = await setUp();
  const later = after(world.now(), days(60));
  await leaveDeliveries(tenant.ctx, id, 1, { status: "ready" });
  await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at: later });
  await leaveDeliveries(tenant.ctx, id, 1, { status: "delivering", lease_id: crypto.randomUUID(), lease_until: later });
  await leaveDeliveries(tenant.ctx, id, 1, { status: "canceled" });
  world.advance(days(31));
  await world.sweep();
  expect((await rowsOf(tenant, webhook_deliveries)).map(({ status }) => status).toSorted()).toEqual(["delivering", "ready", "scheduled"]);
  expect(await rowsOf(tenant, events)).toHaveLength(3);
});

test("an event that nobody was told of goes like the others", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  await tenant.hears("Hello");
  world.advance(days(31));
  await world.sweep();
  expect(await rowsOf(tenant, events)).toEqual([]);
});

test.skipIf(!onPostgres())("a row that somebody holds is left for the next sweep, which waits for nobody", async () => {
  const connection = await openDatabase();
  try {
    const world = await createWorld({ db: connection.db });
    const tenant = await world.tenant();
    const { id } = await tenant.endpoint("http://127.0.0.1:9/hook");
    const [held] = await leaveDeliveries(tenant.ctx, id, 2, { status: "failed" });
    world.advance(days(31));
    await connection.db.transaction(async (tx) => {
      const row = and(mine(tenant.ctx, webhook_deliveries), eq(webhook_deliveries.id, held!));
      await tx.select().from(webhook_deliveries).where(row).for("update");
      await world.sweep();
      expect(await rowsOf(tenant, webhook_deliveries)).toMatchObject([{ id: held }]);
    });
    await world.sweep();
    expect(await rowsOf(tenant, webhook_deliveries)).toEqual([]);
  } finally {
    await connection.close();
  }
});

test("hours that no rate looks at any more go", async () => {
  const { world, tenant, id } = await setUp();
  const hour = (ago: number) => ({
    workspace_id: tenant.workspace_id,
    endpoint_id: id,
    hour: after(world.now(), -ago),
    succeeded: 1,
    failed: 0,
  });
  await tenant.ctx.db.insert(webhook_endpoint_hours).values([hour(days(7.5)), hour(days(8.5))]);
  await world.sweep();
  expect(await rowsOf(tenant, webhook_endpoint_hours)).toHaveLength(1);
});
