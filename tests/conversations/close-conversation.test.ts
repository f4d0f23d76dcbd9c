import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message } from "../../src/messages/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId } from "../../src/core/ids.ts";
import { minutes, msBetween, seconds } from "../../src/core/time.ts";
import { events } from "../../src/webhooks/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { database, onPostgres } from "../support/database.ts";
import { countsOf, eventsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withConversation(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const { id } = await tenant.hears("Where is my order?");
  return { world, tenant, id };
}

const close = <T = Conversation>(tenant: Tenant, id: string) => tenant.post<T>(`/v1/conversations/${id}/close`);
const get = async (tenant: Tenant, id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body;

test("a conversation is resolved by the API, after as long as it lasted", async () => {
  const { world, tenant, id } = await withConversation();
  world.advance(minutes(12));
  const { status, body: closed } = await close(tenant, id);
  expect(status).toBe(200);
  expect(closed).toMatchObject({ id, status: "resolved", closed_by: "api" });
  expect(closed.updated_at).toBe(closed.closed_at);
  expect(closed.duration_seconds).toBe(Math.round(msBetween(closed.created_at, closed.closed_at!) / 1000));
  expect(closed.duration_seconds).toBeGreaterThanOrEqual(720);
  expect(await get(tenant, id)).toEqual(closed);
});

test("its end is announced, with the conversation as it was then", async () => {
  const { tenant, id } = await withConversation();
  const { body: closed } = await close(tenant, id);
  const [, ending, ...others] = await eventsOf(tenant);
  expect(others).toEqual([]);
  expect(ending).toMatchObject({ type: "conversation_end", timestamp: expect.any(String) as unknown });
  expect(ending!.data).toEqual({
    conversation_id: id,
    channel: "whatsapp",
    status: "resolved",
    duration_seconds: closed.duration_seconds,
    portal_url: closed.portal_url,
    closed_by: "api",
    conversation: closed,
  });
});

test("a clock that went backwards gives no negative duration", async () => {
  const { world, tenant, id } = await withConversation();
  world.advance(-minutes(5));
  const { body: closed } = await close(tenant, id);
  expect(closed).toMatchObject({ duration_seconds: 0, closed_at: closed.created_at });
});

test("what is still queued goes out all the same", async () => {
  const { world, tenant, id } = await withConversation();
  const { body: message } = await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Goodbye." } });
  await close(tenant, id);
  await world.sendQueued();
  expect((await tenant.get<Message>(`/v1/messages/${message.id}`)).body.status).toBe("delivered");
  expect(await get(tenant, id)).toMatchObject({ status: "resolved", message_count: 2 });
});

describe("is refused, and changes nothing", () => {
  test("where it is closed already", async () => {
    const { world, tenant, id } = await withConversation();
    const { body: closed } = await close(tenant, id);
    const counts = await countsOf(tenant);
    world.advance(seconds(60));
    const { status, body } = await close<Problem>(tenant, id);
    expect([status, body.code]).toEqual([409, "conversation_closed"]);
    expect(await get(tenant, id)).toEqual(closed);
    expect(await countsOf(tenant)).toEqual(counts);
  });

  test.each([
    ["is malformed", "conv_nothing"],
    ["names nothing", createNewId()("conv")],
    ["is a message's", createNewId()("msg")],
  ])("where its id %s", async (_, id) => {
    const { tenant } = await withConversation();
    const { status, body } = await close<Problem>(tenant, id);
    expect([status, body.code]).toEqual([404, "not_found"]);
  });

  test("in another workspace", async () => {
    const { world, tenant, id } = await withConversation();
    const neighbour = await world.tenant();
    expect((await close(neighbour, id)).status).toBe(404);
    expect(await get(tenant, id)).toMatchObject({ status: "open" });
  });

  test("by a key that may not write", async () => {
    const { world, tenant, id } = await withConversation();
    const { token } = await tenant.mint({ scopes: ["read", "admin"] });
    const { status, body } = await world.request(`/v1/conversations/${id}/close`, { method: "POST", key: token });
    expect([status, body["required_scope"]]).toEqual([403, "write"]);
    expect(await get(tenant, id)).toMatchObject({ status: "open" });
  });

  test.each(["the end cannot be announced", "the row cannot be written"])("where %s", async (which) => {
    const { db, breakNext } = breakable((await database()).db);
    const { world, tenant, id } = await withConversation({ db });
    const [before, counts] = [await get(tenant, id), await countsOf(tenant)];
    world.woken.length = 0;
    if (which === "the row cannot be written") breakNext("update", conversations);
    else breakNext("insert", events);
    const { status, body } = await close<Problem>(tenant, id);
    expect([status, body.code]).toEqual([500, "internal_error"]);
    expect(await get(tenant, id)).toEqual(before);
    expect(await countsOf(tenant)).toEqual(counts);
    expect(world.woken).toEqual([]);
    expect((await close(tenant, id)).status).toBe(200);
  });
});

test.skipIf(!onPostgres())("of many at one moment one closes it, and one end is announced", async () => {
  const { tenant, id } = await withConversation();
  const answers = await Promise.all(Array.from({ length: 6 }, () => close(tenant, id)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(5);
  expect((await eventsOf(tenant)).map(({ type }) => type)).toEqual(["new_message", "conversation_end"]);
});

test.skipIf(!onPostgres())("a message and a close at one moment: the message is in before, or refused", async () => {
  const { tenant } = await withConversation();
  for (let round = 0; round < 6; round++) {
    const { id } = await tenant.hears("Hello");
    const [sent, closed] = await Promise.all([
      tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Just in time?" } }),
      close(tenant, id),
    ]);
    expect([201, 409]).toContain(sent.status);
    expect(closed.body.message_count).toBe(sent.status === 201 ? 2 : 1);
    expect((await get(tenant, id)).message_count).toBe(closed.body.message_count);
  }
});
