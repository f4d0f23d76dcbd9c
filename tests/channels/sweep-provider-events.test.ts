import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { provider_events } from "../../src/channels/tables.ts";
import { hours } from "../../src/core/time.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { createWhatsApp } from "../support/channels.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

const days = (n: number) => hours(24 * n);

async function withWhatsApp(world: World, event_retention_days: number) {
  const tenant = await world.tenant();
  await tenant.ctx.db.update(workspaces).set({ event_retention_days }).where(eq(workspaces.id, tenant.workspace_id));
  return { tenant, whatsapp: await createWhatsApp(world, tenant) };
}

const keysOf = async (tenant: Tenant) => (await rowsOf(tenant, provider_events)).map(({ dedupe_key }) => dedupe_key).toSorted();

test("what providers told is kept for as long as its workspace keeps events", async () => {
  const world = await createWorld();
  const [{ tenant: short, ...one }, { tenant: long, ...other }] = [await withWhatsApp(world, 10), await withWhatsApp(world, 30)];
  await one.whatsapp.hears("Old", { id: "wamid.old" });
  await other.whatsapp.hears("Old", { id: "wamid.old" });
  world.advance(days(5));
  await one.whatsapp.hears("New", { id: "wamid.new" });
  world.advance(days(5.1));
  await world.sweep();
  expect([await keysOf(short), await keysOf(long)]).toEqual([["wamid.new"], ["wamid.old"]]);
  expect(await countsOf(short)).toMatchObject({ messages: 2 });
  world.advance(days(20));
  await world.sweep();
  expect([await keysOf(short), await keysOf(long)]).toEqual([[], []]);
});

test("however short that is, it is known for as long as Meta tells it again", async () => {
  const world = await createWorld();
  const { tenant, whatsapp } = await withWhatsApp(world, 1);
  await whatsapp.hears("Hello", { id: "wamid.1" });
  await whatsapp.reports("wamid.unknown", "delivered");
  world.advance(days(7.5));
  await world.sweep();
  expect(await keysOf(tenant)).toHaveLength(2);
  world.advance(days(1));
  await world.sweep();
  expect(await keysOf(tenant)).toEqual([]);
  // And even then a message is stored once.
  await whatsapp.hears("Hello", { id: "wamid.1" });
  expect(await countsOf(tenant)).toMatchObject({ messages: 1 });
});

test("what is more than a step holds goes too", async () => {
  const world = await createWorld();
  const { tenant, whatsapp } = await withWhatsApp(world, 1);
  const row = (n: number) => ({
    workspace_id: tenant.workspace_id,
    channel_id: whatsapp.channel_id,
    dedupe_key: `k${n}`,
    kind: "ignored",
    outcome: "ignored" as const,
    raw: "{}",
    received_at: world.now(),
  });
  await tenant.ctx.db.insert(provider_events).values(Array.from({ length: 1100 }, (_, n) => row(n)));
  world.advance(days(9));
  await world.sweep();
  expect(await keysOf(tenant)).toEqual([]);
});
