import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { ChannelKind } from "../../src/channels/contract.ts";
import { channels } from "../../src/channels/tables.ts";
import type { Contact } from "../../src/contacts/contract.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message } from "../../src/messages/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { messages } from "../../src/messages/tables.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId, type Id } from "../../src/core/ids.ts";
import { hours } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import { events } from "../../src/webhooks/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { createSandbox, createWhatsApp, freshNumber } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { countsOf, eventsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

const content = { type: "text", text: "On its way." };

async function on(kind: ChannelKind = "twilio_sms", db?: World["services"]["db"]) {
  const world = await createWorld(db ? { db } : {});
  const tenant = await world.tenant();
  const channel = await createSandbox(world, tenant, kind);
  const send = <T = Message>(more: object) => tenant.post<T>("/v1/messages", { channel_id: channel.channel_id, content, ...more });
  return { world, tenant, channel, send };
}

const to = (number: string) => ({ kind: "phone", value: `+${number}` });
const readConversation = async (tenant: Tenant, { conversation_id }: Message) =>
  (await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`)).body;

describe("a message to a number that nobody knows", () => {
  test("makes the contact and the conversation, is announced, and is sent", async () => {
    const { world, tenant, channel, send } = await on();
    const number = freshNumber();
    world.woken.length = 0;
    const { status, headers, body: message } = await send({ to: to(number), client_reference: "A-1007", metadata: { order: "1007" } });
    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`/v1/messages/${message.id}`);
    expect(message).toMatchObject({
      channel: "twilio_sms",
      direction: "outbound",
      sender: { type: "api", name: "First key" },
      content,
      status: "queued",
      client_reference: "A-1007",
      metadata: { order: "1007" },
    });
    expect(world.woken).toEqual(["messages"]);
    const conversation = await readConversation(tenant, message);
    expect(conversation).toMatchObject({
      channel_id: channel.channel_id,
      contact_id: message.contact_id,
      status: "open",
      message_count: 1,
    });
    const { body: contact } = await tenant.get<Contact>(`/v1/contacts/${message.contact_id}`);
    expect(contact).toMatchObject({ name: null, identities: [to(number)] });
    expect(await eventsOf(tenant)).toMatchObject([{ type: "new_message", data: { message, conversation } }]);

    await world.sendQueued();
    expect((await tenant.get<Message>(headers.get("location")!)).body.status).toBe("delivered");
  });

  test("and the next one to it goes into the same conversation", async () => {
    const { tenant, channel, send } = await on();
    const number = freshNumber();
    const { body: first } = await send({ to: to(number) });
    const { body: second } = await send({ to: to(number) });
    const { body: third } = await send({ contact_id: first.contact_id });
    const heard = await channel.hears("Thanks", number);
    expect([second, third].map(({ conversation_id, contact_id }) => [conversation_id, contact_id])).toEqual(
      Array(2).fill([first.conversation_id, first.contact_id]),
    );
    expect(heard).toMatchObject({ id: first.conversation_id, contact_id: first.contact_id, message_count: 4 });
    expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 1, messages: 4 });
  });

  test.skipIf(!onPostgres())("ten at once are one contact and one conversation", async () => {
    const { tenant, send } = await on();
    const number = freshNumber();
    const answers = await Promise.all(Array.from({ length: 10 }, () => send({ to: to(number) })));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
    expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 1, messages: 10 });
    expect((await readConversation(tenant, answers[0]!.body)).message_count).toBe(10);
  });
});

test("a closed conversation stays closed: the message opens a new one", async () => {
  const { tenant, send } = await on();
  const { body: first } = await send({ to: to(freshNumber()) });
  await tenant.post(`/v1/conversations/${first.conversation_id}/close`);
  const { body: second } = await send({ contact_id: first.contact_id });
  expect(second.conversation_id).not.toBe(first.conversation_id);
  expect((await readConversation(tenant, first)).status).toBe("resolved");
  expect((await readConversation(tenant, second)).status).toBe("open");
});

test("the same contact on another channel has a conversation of its own there", async () => {
  const { world, tenant, send } = await on();
  const number = freshNumber();
  const { body: first } = await send({ to: to(number) });
  const other = await createSandbox(world, tenant, "twilio_sms");
  const { body: second } = await send({ channel_id: other.channel_id, to: to(number) });
  expect(second.contact_id).toBe(first.contact_id);
  expect(second.conversation_id).not.toBe(first.conversation_id);
});

test("on WhatsApp it goes into the window that the contact has opened", async () => {
  const { tenant, channel, send } = await on("whatsapp");
  const number = freshNumber();
  const { id } = await channel.hears("Hello", number);
  expect(await send({ to: to(number) })).toMatchObject({ status: 201, body: { conversation_id: id } });
  await tenant.post(`/v1/conversations/${id}/close`);
  const { status, body } = await send({ to: to(number) });
  expect([status, body.conversation_id === id]).toEqual([201, false]);
  expect((await readConversation(tenant, body)).messaging_window.state).toBe("open");
});

test("what is written on a telephone line is spoken into the running call", async () => {
  const { tenant, channel, send } = await on("twilio_voice");
  const number = freshNumber();
  const { id } = await channel.hears("Hello", number);
  expect(await send({ to: to(number) })).toMatchObject({ status: 201, body: { conversation_id: id } });
  await tenant.post(`/v1/conversations/${id}/close`);
  expect(await send({ to: to(number) })).toMatchObject({ status: 409, body: { code: "call_not_active" } });
});

describe("is refused and leaves nothing behind", () => {
  type Setting = Awaited<ReturnType<typeof on>>;

  async function refused({ tenant, send }: Pick<Setting, "tenant" | "send">, body: object) {
    const before = await countsOf(tenant);
    const answer = await send<Problem>(body);
    expect(await countsOf(tenant)).toEqual(before);
    return { status: answer.status, code: answer.body.code, faults: answer.body.errors?.map(({ pointer, code }) => `${pointer} ${code}`) };
  }
  const invalid = (...faults: string[]) => ({ status: 400, code: "validation_failed", faults });

  test.each<[string, ChannelKind]>([
    ["on WhatsApp, to somebody who never wrote", "whatsapp"],
    ["on Instagram, to somebody who never wrote", "instagram"],
  ])("%s", async (_, kind) => {
    const setting = await on(kind);
    const stranger = kind === "instagram" ? { kind: "instagram_user", value: "17841400000000000" } : to(freshNumber());
    expect(await refused(setting, { to: stranger })).toMatchObject({ status: 422, code: "messaging_window_closed" });
    expect(await countsOf(setting.tenant)).toMatchObject({ contacts: 0, conversations: 0 });
  });

  test("on WhatsApp, a day after the contact wrote", async () => {
    const setting = await on("whatsapp");
    const number = freshNumber();
    const { id, contact_id } = await setting.channel.hears("Hello", number);
    setting.world.advance(hours(24));
    expect(await refused(setting, { contact_id })).toMatchObject({ status: 422, code: "messaging_window_closed" });
    await setting.tenant.post(`/v1/conversations/${id}/close`);
    expect(await refused(setting, { to: to(number) })).toMatchObject({ status: 422, code: "messaging_window_closed" });
  });

  test("without a recipient, and told of both ways to name one", async () => {
    const { send } = await on();
    const { body } = await send<Record<string, unknown>>({});
    expect(body["detail"]).toBe("to: Name the contact either by contact_id or by to.");
  });

  test.each<[string, object, string]>([
    ["without a recipient", {}, "/to required"],
    ["with two recipients", { contact_id: createNewId()("cont"), to: to("15550101001") }, "/to not_allowed"],
    ["to a number that is not in E.164", { to: { kind: "phone", value: "0555 0101001" } }, "/to/value invalid_phone"],
    ["to a kind of identity that there is not", { to: { kind: "fax", value: "+15550101001" } }, "/to/kind not_allowed"],
    ["to an identity with more in it", { to: { ...to("15550101001"), name: "Sara" } }, "/to/name unknown_field"],
    ["without content", { to: to("15550101001"), content: undefined }, "/content required"],
    ["with a blank text", { to: to("15550101001"), content: { type: "text", text: " " } }, "/content/text too_small"],
    [
      "with a text too long for the channel",
      { to: to("15550101001"), content: { type: "text", text: "x".repeat(1601) } },
      "/content/text too_large",
    ],
    ["to a contact that there is not", { contact_id: createNewId()("cont") }, "/contact_id no_such_resource"],
    ["to a contact with a malformed id", { contact_id: "somebody" }, "/contact_id no_such_resource"],
    ["on a channel that there is not", { to: to("15550101001"), channel_id: createNewId()("chan") }, "/channel_id no_such_resource"],
    ["on no channel", { to: to("15550101001"), channel_id: undefined }, "/channel_id required"],
  ])("%s", async (_, body, fault) => {
    expect(await refused(await on(), body)).toEqual(invalid(fault));
  });

  test("on another workspace's channel, or to its contact", async () => {
    const setting = await on();
    const stranger = await setting.world.tenant();
    const { contact_id } = await stranger.hears("Hello");
    expect(await refused(setting, { contact_id })).toEqual(invalid("/contact_id no_such_resource"));
    expect(await refused(setting, { to: to(freshNumber()), channel_id: stranger.channel_id })).toEqual(
      invalid("/channel_id no_such_resource"),
    );
  });

  test("to a contact that was deleted", async () => {
    const setting = await on();
    const { contact_id } = await setting.channel.hears("Hello", freshNumber());
    await setting.tenant.delete(`/v1/contacts/${contact_id}`);
    expect(await refused(setting, { contact_id })).toEqual(invalid("/contact_id no_such_resource"));
  });

  test("to a contact, or an identity, that the channel has no address for", async () => {
    const setting = await on();
    const identities = [{ kind: "instagram_user", value: "17841400000000000" }];
    const { body: contact } = await setting.tenant.post<Contact>("/v1/contacts", { name: "Sara", identities });
    const expected = { status: 422, code: "recipient_unreachable" };
    expect(await refused(setting, { contact_id: contact.id })).toMatchObject(expected);
    expect(await refused(setting, { to: identities[0] })).toMatchObject(expected);
    const whatsapp = await createWhatsApp(setting.world, setting.tenant);
    expect(await refused(setting, { to: identities[0], channel_id: whatsapp.channel_id })).toMatchObject(expected);
  });

  test("on a channel that is disconnected", async () => {
    const setting = await on();
    const { ctx } = setting.tenant;
    await ctx.db
      .update(channels)
      .set({ status: "disconnected" })
      .where(and(mine(ctx, channels), eq(channels.id, setting.channel.channel_id)));
    expect(await refused(setting, { to: to(freshNumber()) })).toMatchObject({ status: 409, code: "channel_disconnected" });
  });

  test("with a file on a telephone line", async () => {
    const file = { type: "media", media_type: "image", url: "https://files.example/order.png" };
    expect(await refused(await on("twilio_voice"), { to: to(freshNumber()), content: file })).toMatchObject({
      status: 422,
      code: "content_type_unsupported",
    });
  });

  test.each([
    ["conversation", "insert", conversations],
    ["message", "insert", messages],
    ["count", "update", conversations],
    ["event", "insert", events],
  ] as const)("where the %s cannot be written", async (_, verb, table) => {
    const { db, breakNext } = breakable((await database()).db);
    const setting = await on("twilio_sms", db);
    setting.world.woken.length = 0;
    breakNext(verb, table);
    expect(await refused(setting, { to: to(freshNumber()) })).toMatchObject({ status: 500, code: "internal_error" });
    expect(setting.world.woken).toEqual([]);
  });
});

test("a repeated request with a key sends one message, also where it made the contact", async () => {
  const { tenant, channel } = await on();
  const body = { channel_id: channel.channel_id, to: to(freshNumber()), content };
  const headers = { "Idempotency-Key": "a" };
  const first = await tenant.post<Message>("/v1/messages", body, { headers });
  const again = await tenant.post<Message>("/v1/messages", body, { headers });
  expect(again.body).toEqual(first.body);
  expect((await rowsOf(tenant, messages)).map(({ id }) => id)).toEqual([first.body.id as Id<"msg">]);
});
