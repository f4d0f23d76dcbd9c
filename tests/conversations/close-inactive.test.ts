import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Id } from "../../src/core/ids.ts";
import { after, minutes, seconds } from "../../src/core/time.ts";
import { query } from "../../src/db/query.ts";
import { events, webhook_deliveries } from "../../src/webhooks/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { database, onPostgres } from "../support/database.ts";
import { openInstances } from "../support/instances.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { createReceiver } from "../support/receiver.ts";
import { eventsOf, rowsOf } from "../support/rows.ts";
import { leaveConversations } from "../support/silence.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

async function setUp(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  await timer(tenant, 30);
  return { world, tenant };
}

const timer = (tenant: Tenant, inactivity_timeout_minutes: number | null) =>
  tenant.patch("/v1/workspace/settings", { inactivity_timeout_minutes });
const get = async (tenant: Tenant, id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body;
const say = (tenant: Tenant, id: string) =>
  tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "One moment" } });
const ends = async (tenant: Tenant) =>
  (await eventsOf<{ conversation_id: string; conversation: Conversation }>(tenant)).filter(({ type }) => type === "conversation_end");

test("a conversation says when its silence will end it, and then it is timed out", async () => {
  const { world, tenant } = await setUp();
  const { id } = await tenant.hears("Hello");
  const open = await get(tenant, id);
  expect(open.inactivity_closes_at).toBe(after(open.last_message_at, minutes(30)));
  world.advance(minutes(30) - seconds(20));
  await world.closeInactive();
  expect(await get(tenant, id)).toMatchObject({ status: "open" });
  world.advance(seconds(21));
  await world.closeInactive();
  const closed = await get(tenant, id);
  expect(closed).toMatchObject({ status: "timed_out", closed_by: "inactivity_timer", inactivity_closes_at: null });
  expect(closed.duration_seconds).toBeGreaterThanOrEqual(1800);
  expect(closed.updated_at).toBe(closed.closed_at);
});

test("its end is announced as any other, and delivered", async () => {
  const { world, tenant } = await setUp();
  const receiver = await createReceiver(204);
  await tenant.endpoint(receiver.url, { event_types: ["conversation_end"] });
  const [{ id }, { id: other }] = [await tenant.hears("Hello"), await tenant.hears("Hello")];
  await tenant.post(`/v1/conversations/${other}/close`);
  world.advance(minutes(31));
  await world.closeInactive();
  expect(world.woken).toContain("webhooks");

  const [by_hand, by_timer, ...others] = await ends(tenant);
  expect(others).toEqual([]);
  const closed = await get(tenant, id);
  expect(by_timer!.data).toEqual({
    conversation_id: id,
    channel: "whatsapp",
    status: "timed_out",
    duration_seconds: closed.duration_seconds,
    portal_url: closed.portal_url,
    closed_by: "inactivity_timer",
    conversation: closed,
  });
  const shapeOf = (event: object): unknown =>
    JSON.parse(JSON.stringify(event, (_, value: unknown) => (typeof value === "object" ? value : 0)));
  expect(Object.keys(by_timer!)).toEqual(Object.keys(by_hand!));
  const bare = (event: typeof by_hand) => ({
    ...event,
    data: { ...event!.data, conversation: { ...event!.data.conversation, messaging_window: 0 } },
  });
  expect(shapeOf(bare(by_timer))).toEqual(shapeOf(bare(by_hand)));
  await world.deliver();
  expect(receiver.received).toHaveLength(2);
});

describe("the silence begins again", () => {
  test.each([
    ["when the customer writes", (tenant: Tenant, { from }: { id: string; from: string }) => tenant.hears("Still there?", { from })],
    ["when the business answers", (tenant: Tenant, { id }: { id: string }) => say(tenant, id)],
    [
      "when it is taken up after it waited",
      async (tenant: Tenant, { id }: { id: string }) => {
        await tenant.patch(`/v1/conversations/${id}`, { status: "pending" });
        await tenant.patch(`/v1/conversations/${id}`, { status: "open" });
      },
    ],
    [
      "when it is opened again",
      async (tenant: Tenant, { id }: { id: string }) => {
        await tenant.post(`/v1/conversations/${id}/close`);
        await tenant.post(`/v1/conversations/${id}/reopen`);
      },
    ],
  ])("%s", async (_, happens) => {
    const { world, tenant } = await setUp();
    const said = await tenant.hears("Hello");
    world.advance(minutes(20));
    const at = world.now();
    await happens(tenant, said);
    const { inactivity_closes_at } = await get(tenant, said.id);
    expect(inactivity_closes_at! >= after(at, minutes(30))).toBe(true);
    world.advance(minutes(20));
    await world.closeInactive();
    expect(await get(tenant, said.id)).toMatchObject({ status: "open" });
    world.advance(minutes(11));
    await world.closeInactive();
    expect(await get(tenant, said.id)).toMatchObject({ status: "timed_out" });
  });
});

describe("is left open", () => {
  test("where the workspace has no timer", async () => {
    const { world, tenant } = await setUp();
    await timer(tenant, null);
    const { id } = await tenant.hears("Hello");
    world.advance(minutes(60 * 24 * 60));
    await world.closeInactive();
    expect(await get(tenant, id)).toMatchObject({ status: "open", inactivity_closes_at: null });
  });

  test("while it waits for somebody", async () => {
    const { world, tenant } = await setUp();
    const { id } = await tenant.hears("Hello");
    await tenant.patch(`/v1/conversations/${id}`, { status: "pending" });
    world.advance(minutes(31));
    await world.closeInactive();
    expect(await get(tenant, id)).toMatchObject({ status: "pending", inactivity_closes_at: null });
  });

  test("while it is a call", async () => {
    const { world, tenant } = await setUp();
    const { id } = await tenant.hears("Hello");
    await tenant.ctx.db
      .update(conversations)
      .set({ channel: "twilio_voice" })
      .where(sql`${conversations.workspace_id} = ${sql.param(tenant.workspace_id, conversations.workspace_id)}`);
    world.advance(minutes(31));
    await world.closeInactive();
    expect(await get(tenant, id)).toMatchObject({ status: "open", inactivity_closes_at: null });
  });

  test("in another workspace, which waits longer", async () => {
    const { world, tenant } = await setUp();
    const patient = await world.tenant();
    await timer(patient, 60);
    const [{ id: ours }, { id: theirs }] = [await tenant.hears("Hello"), await patient.hears("Hello")];
    world.advance(minutes(31));
    await world.closeInactive();
    expect(await get(tenant, ours)).toMatchObject({ status: "timed_out" });
    expect(await get(patient, theirs)).toMatchObject({ status: "open" });
  });
});

test("a shorter time holds for what is open already", async () => {
  const { world, tenant } = await setUp();
  const { id } = await tenant.hears("Hello");
  world.advance(minutes(10));
  await timer(tenant, 5);
  await world.closeInactive();
  expect(await get(tenant, id)).toMatchObject({ status: "timed_out" });
});

test("more than a batch holds are closed in one pass, each announced once to each endpoint", async () => {
  const { world, tenant } = await setUp();
  const small = await world.tenant();
  await timer(small, 30);
  await leaveConversations(tenant, 450, world.now());
  await leaveConversations(small, 3, world.now());
  for (const port of [1, 2]) await tenant.endpoint(`http://127.0.0.1:${port}/hook`, { event_types: ["conversation_end"] });
  await tenant.endpoint("http://127.0.0.1:3/hook", { event_types: ["conversation_end"], channels: ["instagram"] });
  world.advance(minutes(31));
  const { closed } = await world.closeInactive();
  expect(closed).toBeGreaterThanOrEqual(453);
  for (const [whose, count] of [
    [tenant, 450],
    [small, 3],
  ] as const) {
    expect((await rowsOf(whose, conversations)).filter(({ status }) => status === "timed_out")).toHaveLength(count);
    expect(new Set((await ends(whose)).map(({ data }) => data.conversation_id)).size).toBe(count);
  }
  expect(await rowsOf(tenant, webhook_deliveries)).toHaveLength(900);
  expect(await rowsOf(small, webhook_deliveries)).toEqual([]);
  await world.closeInactive();
  expect(await ends(tenant)).toHaveLength(450);
});

test("a batch that cannot be announced is not closed either, and is closed the next time", async () => {
  const { db, breakNext } = breakable((await database()).db);
  const { world, tenant } = await setUp({ db });
  const { id } = await tenant.hears("Hello");
  world.advance(minutes(31));
  breakNext("insert", events);
  await expect(world.closeInactive()).rejects.toThrow("500");
  expect(await get(tenant, id)).toMatchObject({ status: "open" });
  await world.closeInactive();
  expect(await get(tenant, id)).toMatchObject({ status: "timed_out" });
  expect(await ends(tenant)).toHaveLength(1);
});

describe.skipIf(!onPostgres())("on a server", () => {
  test("ten thousand of one workspace are closed and announced within the time that one call has", async () => {
    // Of its own, so that no other test finds ten thousand deliveries to make.
    const [world] = (await openInstances(1)) as [World];
    const tenant = await world.tenant();
    await timer(tenant, 30);
    await tenant.endpoint("http://127.0.0.1:1/hook", { event_types: ["conversation_end"] });
    await leaveConversations(tenant, 10_000, after(world.now(), -minutes(31)));
    expect(await world.closeInactive()).toMatchObject({ closed: 10_000 });
    const announced = new Set((await rowsOf(tenant, webhook_deliveries)).map(({ conversation_id }) => conversation_id));
    expect(announced.size).toBe(10_000);
  }, 60_000);

  test("two processes at once close each conversation once", async () => {
    const [first, second] = (await openInstances(2)) as [World, World];
    const tenant = await first.tenant();
    await timer(tenant, 30);
    await leaveConversations(tenant, 1500, first.now());
    for (const world of [first, second]) world.advance(minutes(31));
    const reports = await Promise.all([first.closeInactive(), second.closeInactive(), first.closeInactive()]);
    expect(reports.reduce((sum, { closed }) => sum + closed!, 0)).toBe(1500);
    expect(reports.filter(({ closed }) => closed! > 0).length).toBeGreaterThan(1);
    expect(new Set((await ends(tenant)).map(({ data }) => data.conversation_id)).size).toBe(1500);
    expect(await ends(tenant)).toHaveLength(1500);
  });

  test("what somebody has in hand is waited for by nobody", async () => {
    const { world, tenant } = await setUp();
    const [{ id: held }, { id: free }] = [await tenant.hears("Hello"), await tenant.hears("Hello")];
    world.advance(minutes(31));
    await tenant.ctx.db.transaction(async (tx) => {
      await tx.execute(sql`select 1 from conversations where id = ${sql.param(held as Id<"conv">, conversations.id)} for update`);
      await world.closeInactive();
      expect(await get(tenant, free)).toMatchObject({ status: "timed_out" });
    });
    expect(await get(tenant, held)).toMatchObject({ status: "open" });
    await world.closeInactive();
    expect(await get(tenant, held)).toMatchObject({ status: "timed_out" });
  });

  test("those that are due are read from their index, in its order", async () => {
    const { db, statements } = await openWatchedDatabase();
    const { world, tenant } = await setUp({ db });
    await leaveConversations(tenant, 3000, world.now());
    await leaveConversations(tenant, 20, after(world.now(), -minutes(31)));
    await db.execute(sql`analyze conversations`);
    statements.length = 0;
    await world.closeInactive();
    const asked = [
      statements.find((statement) => statement.includes("across tenants"))!,
      statements.find((statement) => statement.endsWith("skip locked"))!,
    ];
    for (const statement of asked) {
      const rows = await query<{ "QUERY PLAN": string }>(db, sql.raw(`explain (generic_plan, costs off) ${statement}`));
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect(plan).toMatch(/Index (Only )?Scan using conversations_silent/);
      expect(plan).toMatch(/Index Cond: .*GREATEST/);
      // The few addresses of one contact are put in order; conversations are not.
      expect(plan.split("SubPlan")[0]).not.toMatch(/Sort|Seq Scan on conversations/);
    }
  });
});
