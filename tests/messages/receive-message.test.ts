import { describe, expect, test } from "vitest";
import { provider_events } from "../../src/channels/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message } from "../../src/messages/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { after, hours, minutes, seconds } from "../../src/core/time.ts";
import { events } from "../../src/webhooks/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { callbackOf, createWhatsApp, freshNumber, saying } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { countsOf, eventsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withWhatsApp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  return { world, tenant, whatsapp: await createWhatsApp(world, tenant) };
}

const get = async (tenant: Tenant, id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body;
const messagesIn = async (tenant: Tenant, id: string) =>
  (await tenant.get<{ data: Message[] }>(`/v1/conversations/${id}/messages?order=asc&limit=100`)).body.data;

describe("a contact's message", () => {
  test("makes the contact, the conversation and the event that announces it", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const at = after(world.now(), -minutes(2));
    const conversation = await whatsapp.hears("Where is my order?", { at, id: "wamid.first" });
    const provider_time = `${at.slice(0, 19)}.000Z`;

    expect(conversation).toMatchObject({
      object: "conversation",
      channel: "whatsapp",
      channel_id: whatsapp.channel_id,
      status: "open",
      handler_mode: "unassigned",
      priority: "normal",
      tags: [],
      message_count: 1,
      last_message_preview: "Where is my order?",
      first_response_at: null,
      closed_at: null,
      duration_seconds: null,
      messaging_window: { state: "open", expires_at: after(provider_time, hours(24)), allowed_types: ["text", "media", "template"] },
      portal_url: `https://api.wassla.test/portal/conversations/${conversation.id}`,
    });
    expect(conversation.last_inbound_at).toBe(conversation.last_message_at);
    expect(conversation.last_message_at >= conversation.created_at).toBe(true);

    const [message, ...others] = await messagesIn(tenant, conversation.id);
    expect(others).toEqual([]);
    expect(message).toMatchObject({
      object: "message",
      conversation_id: conversation.id,
      contact_id: conversation.contact_id,
      direction: "inbound",
      sender: { type: "contact", id: conversation.contact_id, name: "Sara" },
      content: { type: "text", text: "Where is my order?" },
      status: "received",
      error: null,
      external_id: "wamid.first",
      sent_at: provider_time,
      delivered_at: null,
    });
    expect(await eventsOf(tenant)).toMatchObject([{ type: "new_message", data: { message, conversation } }]);
    expect(await rowsOf(tenant, provider_events)).toMatchObject([
      { channel_id: whatsapp.channel_id, dedupe_key: "wamid.first", kind: "message", external_id: "wamid.first", outcome: "applied" },
    ]);
  });

  test("joins the conversation that is open", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const wa_id = freshNumber();
    const first = await whatsapp.hears("One", { wa_id });
    world.advance(minutes(3));
    const second = await whatsapp.hears("Two", { wa_id });
    expect(second).toMatchObject({ id: first.id, message_count: 2, last_message_preview: "Two", created_at: first.created_at });
    expect(second.last_message_at > first.last_message_at).toBe(true);
    expect(second.last_inbound_at).toBe(second.last_message_at);
    expect((await messagesIn(tenant, first.id)).map(({ content }) => content)).toMatchObject([{ text: "One" }, { text: "Two" }]);
  });

  test("after the close opens another conversation with the same contact", async () => {
    const { tenant, whatsapp } = await withWhatsApp();
    const wa_id = freshNumber();
    const first = await whatsapp.hears("One", { wa_id });
    await tenant.post(`/v1/conversations/${first.id}/close`);
    const second = await whatsapp.hears("Two", { wa_id });
    expect(second.id).not.toBe(first.id);
    expect(second).toMatchObject({ contact_id: first.contact_id, status: "open", message_count: 1 });
    expect(await get(tenant, first.id)).toMatchObject({ status: "resolved", message_count: 1, last_message_preview: "One" });
  });

  test("with an id that another channel knows is a message of its own", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const other = await createWhatsApp(world, tenant);
    await whatsapp.hears("Hello", { id: "wamid.same" });
    await other.hears("Hello", { id: "wamid.same" });
    expect(await countsOf(tenant)).toMatchObject({ conversations: 2, messages: 2 });
  });

  test("whose id a message of ours has already is recorded and of no effect", async () => {
    const { tenant, whatsapp } = await withWhatsApp();
    const wa_id = freshNumber();
    await whatsapp.echoes(wa_id, "Hello", { id: "wamid.ours" });
    await whatsapp.hears("Hello", { wa_id, id: "wamid.ours" });
    expect(await countsOf(tenant)).toMatchObject({ messages: 1, events: 1, provider_events: 2 });
    expect(await rowsOf(tenant, provider_events)).toContainEqual(
      expect.objectContaining({ kind: "message", outcome: "ignored", detail: "stored already" }),
    );
  });

  test("that names nobody is recorded and of no effect", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    await whatsapp.tell(saying(world, whatsapp.account_id, "Who am I?", { wa_id: "", user_id: "" }));
    expect(await countsOf(tenant)).toEqual({ contacts: 0, conversations: 0, messages: 0, events: 0, provider_events: 1 });
    expect(await rowsOf(tenant, provider_events)).toMatchObject([{ outcome: "ignored", detail: "a message that names nobody" }]);
  });

  test("whose event cannot be written leaves nothing, and is taken in when it is told again", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const whatsapp = await createWhatsApp(world, tenant);
    const body = callbackOf(saying(world, whatsapp.account_id, "Hello"));
    breakNext("insert", events);
    expect((await whatsapp.post(body)).status).toBe(503);
    expect(await countsOf(tenant)).toEqual({ contacts: 0, conversations: 0, messages: 0, events: 0, provider_events: 0 });
    expect(world.woken).toEqual([]);
    expect((await whatsapp.post(body)).status).toBe(200);
    expect(await countsOf(tenant)).toEqual({ contacts: 1, conversations: 1, messages: 1, events: 1, provider_events: 1 });
  });
});

test("a conversation's times and counts add up, whoever writes", async () => {
  const { world, tenant, whatsapp } = await withWhatsApp();
  const wa_id = freshNumber();
  const { id } = await whatsapp.hears("One", { wa_id });
  world.advance(seconds(30));
  const answer = await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Two" } });
  expect(await get(tenant, id)).toMatchObject({
    message_count: 2,
    last_message_preview: "Two",
    last_message_at: answer.body.created_at,
    first_response_at: answer.body.created_at,
  });
  world.advance(seconds(30));
  await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Three" } });
  const inbound = await whatsapp.hears("Four", { wa_id });
  expect(inbound).toMatchObject({ message_count: 4, first_response_at: answer.body.created_at });
  expect(inbound.last_inbound_at! > answer.body.created_at).toBe(true);
});

describe("the window", () => {
  test("is not moved back by a message that comes late", async () => {
    const { world, whatsapp } = await withWhatsApp();
    const [wa_id, now] = [freshNumber(), world.now()];
    const { messaging_window: before } = await whatsapp.hears("Now", { wa_id, at: now });
    const { messaging_window: behind, message_count } = await whatsapp.hears("Written before", { wa_id, at: after(now, -hours(5)) });
    expect(message_count).toBe(2);
    expect(behind).toEqual(before);
  });

  test("is not opened by a message that was written a day ago", async () => {
    const { world, whatsapp } = await withWhatsApp();
    const { messaging_window } = await whatsapp.hears("Long ago", { at: after(world.now(), -hours(25)) });
    expect(messaging_window).toMatchObject({ state: "closed", allowed_types: ["template"] });
  });

  test("is not lengthened by a provider whose clock runs ahead", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const ahead = after(world.now(), minutes(50));
    const { id, messaging_window } = await whatsapp.hears("From the future", { at: ahead });
    expect(messaging_window.expires_at! <= after(world.now(), hours(24))).toBe(true);
    // What the provider said of the message itself is kept.
    expect((await messagesIn(tenant, id))[0]!.sent_at).toBe(`${ahead.slice(0, 19)}.000Z`);
  });

  test("opens at the arrival where the provider's time cannot be", async () => {
    const { world, whatsapp } = await withWhatsApp();
    const before = world.now();
    const { messaging_window } = await whatsapp.hears("From the far future", { at: after(before, hours(24 * 365)) });
    expect(messaging_window.expires_at! >= after(before, hours(24))).toBe(true);
    expect(messaging_window.expires_at! <= after(world.now(), hours(24))).toBe(true);
  });
});

describe("the preview", () => {
  const previewOf = async (text: string) => {
    const { whatsapp } = await withWhatsApp();
    return (await whatsapp.hears(text)).last_message_preview!;
  };
  const family = "👨‍👩‍👧‍👦";

  test.each([
    ["a text of 120 characters, whole", "x".repeat(120), "x".repeat(120)],
    ["a longer one, cut", "x".repeat(121), `${"x".repeat(119)}…`],
    ["120 emoji, whole", "😀".repeat(120), "😀".repeat(120)],
    ["more emoji, cut between two", "😀".repeat(121), `${"😀".repeat(119)}…`],
    ["families of emoji, which stay together", family.repeat(30), `${family.repeat(17)}…`],
    ["Arabic letters with their marks", "بِ".repeat(70), `${"بِ".repeat(59)}…`],
    ["Arabic", "مرحبا، أين طلبي؟", "مرحبا، أين طلبي؟"],
    ["several lines, in one", "  One\n\n two\t three ", "One two three"],
  ])("shows %s", async (_, text, expected) => {
    expect(await previewOf(text)).toBe(expected);
  });

  test("of a file without words says what it is", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const entry = saying(world, whatsapp.account_id, "");
    const [message] = (entry.changes[0]!.value as unknown as { messages: Record<string, unknown>[] }).messages;
    Object.assign(message!, { type: "image", text: undefined, image: { id: "900", mime_type: "image/jpeg" } });
    await whatsapp.tell(entry);
    const { body } = await tenant.get<{ data: Conversation[] }>("/v1/conversations");
    expect(body.data[0]!.last_message_preview).toBe("[image]");
  });
});

describe("at one moment", () => {
  const crowd = 8;

  test.skipIf(!onPostgres())("many messages of a stranger are one contact in one conversation", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const wa_id = freshNumber();
    await Promise.all(Array.from({ length: crowd }, (_, n) => whatsapp.tell(saying(world, whatsapp.account_id, `No ${n}`, { wa_id }))));
    expect(await countsOf(tenant)).toEqual({ contacts: 1, conversations: 1, messages: crowd, events: crowd, provider_events: crowd });
    const [conversation] = await rowsOf(tenant, conversations);
    expect(conversation!.message_count).toBe(crowd);
    // Each event shows the conversation as it was after its own message.
    const counts = (await eventsOf<{ conversation: Conversation }>(tenant)).map(({ data }) => data.conversation.message_count);
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: crowd }, (_, n) => n + 1));
  });

  test.skipIf(!onPostgres())("a message and a close leave no message in a conversation that is closed already", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    for (let round = 0; round < 8; round++) {
      const wa_id = freshNumber();
      const { id } = await whatsapp.hears("One", { wa_id });
      await Promise.all([
        tenant.post(`/v1/conversations/${id}/close`),
        whatsapp.tell(saying(world, whatsapp.account_id, "Two", { wa_id })),
      ]);
      const closed = await get(tenant, id);
      const said = await messagesIn(tenant, id);
      expect(closed.message_count).toBe(said.length);
      expect(said.every(({ created_at }) => created_at <= closed.closed_at!)).toBe(true);
    }
    expect(await countsOf(tenant)).toMatchObject({ messages: 16, contacts: 8 });
  });
});
