import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import type { Id } from "../../src/core/ids.ts";
import { minutes, msBetween } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import { breakable } from "../support/breakable-db.ts";
import { createSandbox, freshNumber } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { eventsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withConversation(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const { id, from } = await tenant.hears("Where is my order?");
  return { world, tenant, id, from };
}

const close = (tenant: Tenant, id: string) => tenant.post<Conversation>(`/v1/conversations/${id}/close`);
const reopen = <T = Conversation>(tenant: Tenant, id: string) => tenant.post<T>(`/v1/conversations/${id}/reopen`);
const read = async (tenant: Tenant, id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body;
const set = (tenant: Tenant, id: Id<"conv">, values: Partial<typeof conversations.$inferInsert>) =>
  tenant.ctx.db
    .update(conversations)
    .set(values)
    .where(and(mine(tenant.ctx, conversations), eq(conversations.id, id)));

test("a resolved conversation is opened again, as if it had never been closed", async () => {
  const { world, tenant, id, from } = await withConversation();
  const before = await read(tenant, id);
  await close(tenant, id);
  world.advance(minutes(3));
  const { status, body } = await reopen(tenant, id);
  expect(status).toBe(200);
  expect(body).toEqual({ ...before, updated_at: body.updated_at });
  expect(body.updated_at > before.updated_at).toBe(true);
  expect(await read(tenant, id)).toEqual(body);

  expect((await tenant.hears("Still there?", { from })).id).toBe(id);
  expect((await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Yes." } })).status).toBe(201);
  expect(await read(tenant, id)).toMatchObject({ status: "open", message_count: 3 });
});

test("so is one that timed out", async () => {
  const { tenant, id } = await withConversation();
  await set(tenant, id, { status: "timed_out", closed_at: tenant.ctx.now(), closed_by: "inactivity_timer" });
  expect((await reopen(tenant, id)).body).toMatchObject({ status: "open", closed_at: null, closed_by: null, duration_seconds: null });
});

test("nobody is told of it; a second close is announced like the first", async () => {
  const { world, tenant, id } = await withConversation();
  await close(tenant, id);
  await reopen(tenant, id);
  world.advance(minutes(10));
  const { body: closed } = await close(tenant, id);
  expect(closed.duration_seconds).toBe(Math.round(msBetween(closed.created_at, closed.closed_at!) / 1000));
  const events = await eventsOf<Conversation>(tenant);
  expect(events.map(({ type }) => type)).toEqual(["new_message", "conversation_end", "conversation_end"]);
  expect(events.at(-1)!.data.duration_seconds).toBeGreaterThanOrEqual(600);
});

test("calls with one contact do not stand in each other's way", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const voice = await createSandbox(world, tenant, "twilio_voice");
  const from = freshNumber();
  const first = await voice.hears("Hello", from);
  await close(tenant, first.id);
  const second = await voice.hears("Hello again", from);
  expect(second.id).not.toBe(first.id);
  expect((await reopen(tenant, first.id)).status).toBe(200);
});

describe("is refused, and changes nothing", () => {
  test.each<[string, Partial<typeof conversations.$inferInsert>, string[]]>([
    ["is open", {}, ["pending"]],
    ["is pending", { status: "pending" }, ["open"]],
    ["was ended by the contact", { status: "ended", closed_by: "contact" }, []],
  ])("where it %s", async (_, values, allowed) => {
    const { tenant, id } = await withConversation();
    if (values.status) await set(tenant, id, values);
    const before = await read(tenant, id);
    const { status, body } = await reopen<Problem>(tenant, id);
    expect([status, body.code, body["allowed"]]).toEqual([409, "invalid_status_transition", allowed]);
    expect(await read(tenant, id)).toEqual(before);
  });

  test("where another is open with the contact on the channel, which is named", async () => {
    const { tenant, id, from } = await withConversation();
    const { body: closed } = await close(tenant, id);
    const other = await tenant.hears("Hello again", { from });
    const { status, body } = await reopen<Problem>(tenant, id);
    expect([status, body.code, body["allowed"], body["conversation_id"]]).toEqual([409, "invalid_status_transition", [], other.id]);
    expect(body.detail).toContain(other.id);
    const { status: kept, closed_at, closed_by, updated_at } = closed;
    expect(await read(tenant, id)).toMatchObject({ status: kept, closed_at, closed_by, updated_at });

    await close(tenant, other.id);
    expect((await reopen(tenant, id)).status).toBe(200);
  });

  test("by a key that may not write, and in another workspace", async () => {
    const { world, tenant, id } = await withConversation();
    const { body: closed } = await close(tenant, id);
    const { token } = await tenant.mint({ scopes: ["read", "admin"] });
    expect((await tenant.post(`/v1/conversations/${id}/reopen`, undefined, { key: token })).status).toBe(403);
    expect((await reopen(await world.tenant(), id)).status).toBe(404);
    expect(await read(tenant, id)).toEqual(closed);
  });

  test("where the row cannot be written", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant, id } = await withConversation({ db });
    const { body: closed } = await close(tenant, id);
    breakNext("update", conversations);
    expect((await reopen(tenant, id)).status).toBe(500);
    expect(await read(tenant, id)).toEqual(closed);
    expect((await reopen(tenant, id)).status).toBe(200);
  });
});

const openOnes = async (tenant: Tenant) => (await rowsOf(tenant, conversations)).filter(({ status }) => status === "open");

test.skipIf(!onPostgres())("of many at one moment one opens it", async () => {
  const { tenant, id } = await withConversation();
  await close(tenant, id);
  const answers = await Promise.all(Array.from({ length: 5 }, () => reopen(tenant, id)));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409, 409]);
});

test.skipIf(!onPostgres())("of two conversations with one contact one is opened", async () => {
  const { tenant, id, from } = await withConversation();
  await close(tenant, id);
  for (let round = 0; round < 5; round++) {
    const other = await tenant.hears("Hello again", { from });
    await close(tenant, other.id);
    const answers = await Promise.all([reopen<Problem>(tenant, id), reopen<Problem>(tenant, other.id)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const [opened] = await openOnes(tenant);
    expect(answers.find(({ status }) => status === 409)!.body["conversation_id"]).toBe(opened!.id);
    await close(tenant, opened!.id);
  }
});

test.skipIf(!onPostgres())(
  "a reopening and the contact's message at one moment: one conversation is open, and the message is in it",
  async () => {
    const { tenant } = await withConversation();
    for (let round = 0; round < 8; round++) {
      const { id, from, contact_id } = await tenant.hears("Hello");
      await close(tenant, id);
      const [reopened] = await Promise.all([reopen<Problem>(tenant, id), tenant.hears("Hello again", { from })]);
      expect([200, 409]).toContain(reopened.status);
      const open = (await openOnes(tenant)).filter((conversation) => conversation.contact_id === contact_id);
      expect(open).toHaveLength(1);
      expect(open[0]).toMatchObject({ last_message_preview: "Hello again", message_count: reopened.status === 200 ? 2 : 1 });
      expect(open[0]!.id === id).toBe(reopened.status === 200);
      if (reopened.status === 409) expect(reopened.body["conversation_id"]).toBe(open[0]!.id);
    }
  },
);
