import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message } from "../../src/messages/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { messages } from "../../src/messages/tables.ts";
import { after, hours, minutes } from "../../src/core/time.ts";
import { events } from "../../src/webhooks/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { callbackOf, createMessaging, createWhatsApp, echoing, freshNumber } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { accepting, breaking, createGraphTwin } from "../support/graph-twin.ts";
import { countsOf, eventsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

async function withTwin(db?: World["services"]["db"]) {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url }, ...(db && { db }) });
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant, twin.account_id);
  const wa_id = freshNumber();
  const { id } = await whatsapp.hears("Where is my order?", { wa_id });
  const send = async (text: string) =>
    (await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text } })).body;
  return { twin, world, tenant, whatsapp, wa_id, conversation_id: id, send };
}

const read = async (tenant: Tenant, { id }: { id: string }) => (await tenant.get<Message>(`/v1/messages/${id}`)).body;
const outbound = async (tenant: Tenant) => (await rowsOf(tenant, messages)).filter(({ direction }) => direction === "outbound");

describe("the echo of our own message", () => {
  test("after the send has answered changes nothing", async () => {
    const { twin, world, tenant, whatsapp, wa_id, send } = await withTwin();
    const message = await send("On its way.");
    twin.answer = accepting("wamid.ours");
    await world.sendQueued();
    const [sent, { provider_events: _, ...counts }] = [await read(tenant, message), await countsOf(tenant)];
    await whatsapp.echoes(wa_id, "On its way.", { id: "wamid.ours" });
    expect(await read(tenant, message)).toEqual(sent);
    expect(await countsOf(tenant)).toMatchObject(counts);
  });

  test("before the send has answered is our message, and the answer changes nothing", async () => {
    const { twin, world, tenant, whatsapp, wa_id, send } = await withTwin();
    const message = await send("On its way.");
    const at = after(world.now(), -minutes(1));
    twin.answer = async (response) => {
      await whatsapp.echoes(wa_id, "On its way.", { id: "wamid.early", at });
      accepting("wamid.early")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({
      status: "sent",
      external_id: "wamid.early",
      sender: { type: "api" },
      sent_at: `${at.slice(0, 19)}.000Z`,
    });
    expect(await outbound(tenant)).toHaveLength(1);
    expect(await eventsOf(tenant)).toHaveLength(2);
    expect(world.logged).toEqual([]);
  });

  /** Who says what it cannot be known by, before the send has answered; the row that is made of it, and ours. */
  async function withForeign(early: (place: Awaited<ReturnType<typeof withTwin>>, message: Message) => Promise<void>) {
    const place = await withTwin();
    const message = await place.send("On its way.");
    place.twin.answer = async (response) => {
      await place.whatsapp.echoes(place.wa_id, "On its way!", { id: "wamid.early" });
      await early(place, message);
      accepting("wamid.early")(response);
    };
    await place.world.sendQueued();
    return { ...place, message };
  }

  test("that does not say quite the same is taken for another's until the send has answered, and then is ours", async () => {
    let foreign: Message | undefined;
    const { tenant, world, message, whatsapp, conversation_id } = await withForeign(async ({ tenant, whatsapp }) => {
      await whatsapp.reports("wamid.early", "delivered");
      foreign = (await outbound(tenant)).find(({ external_id }) => external_id === "wamid.early") as unknown as Message;
      expect(foreign).toMatchObject({ status: "delivered", sender: { type: "team_member", id: null } });
    });
    const ours = await read(tenant, message);
    expect(ours).toMatchObject({
      status: "delivered",
      external_id: "wamid.early",
      content: { type: "text", text: "On its way." },
      sent_at: foreign!.sent_at,
      delivered_at: foreign!.delivered_at,
      error: null,
    });
    expect(await outbound(tenant)).toHaveLength(1);
    expect((await tenant.get(`/v1/messages/${foreign!.id}`)).status).toBe(404);
    const { body: conversation } = await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`);
    expect(conversation).toMatchObject({ message_count: 2, last_message_preview: "On its way.", last_message_at: ours.created_at });
    // It was announced, and that cannot be undone.
    expect(await eventsOf(tenant)).toHaveLength(3);
    await whatsapp.reports("wamid.early", "read");
    expect(await read(tenant, message)).toMatchObject({ status: "read" });
    expect(world.logged).toEqual([]);
  });

  test("that does not say quite the same is ours as soon as a report names ours", async () => {
    const { tenant, message } = await withForeign(async ({ tenant, whatsapp }, { id }) => {
      await whatsapp.reports("wamid.early", "delivered", { message_id: id });
      expect(await read(tenant, { id })).toMatchObject({ status: "delivered", external_id: "wamid.early" });
    });
    expect(await read(tenant, message)).toMatchObject({ status: "delivered", external_id: "wamid.early", error: null });
    expect(await outbound(tenant)).toHaveLength(1);
  });

  test("that does not say quite the same, and whose settlement cannot be written, leaves both as they were", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const place = await withTwin(db);
    const message = await place.send("On its way.");
    place.twin.answer = async (response) => {
      await place.whatsapp.echoes(place.wa_id, "On its way!", { id: "wamid.early" });
      breakNext("update", conversations);
      accepting("wamid.early")(response);
    };
    await place.world.sendQueued();
    expect((await outbound(place.tenant)).map(({ status, external_id }) => [status, external_id])).toEqual([
      ["sending", null],
      ["sent", "wamid.early"],
    ]);
    // Its report makes them one.
    await place.whatsapp.reports("wamid.early", "read", { message_id: message.id });
    expect((await outbound(place.tenant)).map(({ id, status }) => [id, status])).toEqual([[message.id, "read"]]);
  });

  test.each([
    ["other ends of lines", "Hello\nSara", "Hello\r\nSara"],
    ["letters put together otherwise", "Caf\u00e9", "Cafe\u0301"],
  ])("with %s is known", async (_, said, told) => {
    const { twin, world, tenant, whatsapp, wa_id, send } = await withTwin();
    const message = await send(said);
    twin.answer = async (response) => {
      await whatsapp.echoes(wa_id, told, { id: "wamid.early" });
      expect(await outbound(tenant)).toHaveLength(1);
      accepting("wamid.early")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.early", content: { text: said } });
  });

  /** One of ours of which nobody knows whether it was sent. */
  async function withUnknown(channel: "whatsapp" | "facebook_page") {
    const place = await withTwin();
    const { world, tenant, whatsapp, wa_id } = place;
    const messenger = await createMessaging(world, tenant, "facebook_page", place.twin.account_id);
    const { id } = channel === "whatsapp" ? await whatsapp.hears("Hello", { wa_id }) : await messenger.hears("Hello");
    place.twin.answer = breaking;
    const { body } = await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Thank you!" } });
    await world.sendQueued();
    expect(await read(tenant, body)).toMatchObject({ status: "unknown" });
    return { ...place, messenger, message: body };
  }

  test("long after one of ours that nobody knows of, is a person's own", async () => {
    const { world, tenant, whatsapp, wa_id, message } = await withUnknown("whatsapp");
    world.advance(minutes(6));
    await whatsapp.echoes(wa_id, "Thank you!", { id: "wamid.person" });
    expect(await read(tenant, message)).toMatchObject({ status: "unknown", external_id: null });
    expect((await outbound(tenant)).at(-1)).toMatchObject({ external_id: "wamid.person", sender: { type: "team_member", id: null } });
  });

  test("told late, but written when ours was tried, is ours", async () => {
    const { world, tenant, whatsapp, wa_id, message } = await withUnknown("whatsapp");
    const at = world.now();
    world.advance(hours(2));
    await whatsapp.echoes(wa_id, "Thank you!", { id: "wamid.ours", at });
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.ours" });
    expect(await outbound(tenant)).toHaveLength(1);
  });

  test("without our metadata, which Messenger always gives back, is a person's own", async () => {
    const { tenant, messenger, message } = await withUnknown("facebook_page");
    await messenger.echoes({ text: "Thank you!" });
    expect(await read(tenant, message)).toMatchObject({ status: "unknown" });
    expect(await outbound(tenant)).toHaveLength(2);
    await messenger.echoes({ text: "Thank you!", metadata: message.id }, { id: "m_ours" });
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "m_ours" });
    expect(await outbound(tenant)).toHaveLength(2);
  });

  test("of a file is known by its kind and words: the provider has an address of its own for it", async () => {
    const { twin, world, tenant, whatsapp, wa_id, conversation_id } = await withTwin();
    const content = { type: "media", media_type: "image", url: "https://files.example/order.png", caption: "Your order" };
    const { body: message } = await tenant.post<Message>(`/v1/conversations/${conversation_id}/messages`, { content });
    twin.answer = async (response) => {
      const echo = echoing(world, whatsapp.account_id, wa_id, "", { id: "wamid.early" });
      const [told] = (echo.changes[0]!.value as unknown as { message_echoes: Record<string, unknown>[] }).message_echoes;
      Object.assign(told!, { type: "image", text: undefined, image: { id: "900", caption: "Your order" } });
      await whatsapp.tell(echo);
      accepting("wamid.early")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.early", content });
    expect(await outbound(tenant)).toHaveLength(1);
  });

  test("to another contact, or of a message that is not on its way, is not ours", async () => {
    const { tenant, whatsapp, wa_id, send } = await withTwin();
    const message = await send("On its way.");
    await whatsapp.echoes(wa_id, "On its way.");
    await whatsapp.echoes(freshNumber(), "On its way.");
    expect(await read(tenant, message)).toMatchObject({ status: "queued", external_id: null });
    expect(await outbound(tenant)).toHaveLength(3);
  });
});

describe("an echo from elsewhere", () => {
  test("is an outbound message by somebody of the team, announced like any other", async () => {
    const { world, tenant, whatsapp, wa_id, conversation_id } = await withTwin();
    const at = after(world.now(), -minutes(1));
    await whatsapp.echoes(wa_id, "I have just called you.", { id: "wamid.app", at });
    const { body: list } = await tenant.get<{ data: Message[] }>(`/v1/conversations/${conversation_id}/messages`);
    const [message] = list.data;
    expect(message).toMatchObject({
      direction: "outbound",
      sender: { type: "team_member", id: null, name: null },
      content: { type: "text", text: "I have just called you." },
      status: "sent",
      external_id: "wamid.app",
      sent_at: `${at.slice(0, 19)}.000Z`,
    });
    const { body: conversation } = await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`);
    expect(conversation).toMatchObject({
      message_count: 2,
      first_response_at: message!.created_at,
      last_message_preview: "I have just called you.",
    });
    expect((await eventsOf(tenant)).at(-1)).toMatchObject({ type: "new_message", data: { message, conversation } });
  });

  test("is never sent by us", async () => {
    const { twin, world, whatsapp, wa_id } = await withTwin();
    await whatsapp.echoes(wa_id, "I have just called you.");
    await world.sendQueued();
    expect(twin.asked).toEqual([]);
  });

  test("told twice is one message", async () => {
    const { tenant, whatsapp, wa_id } = await withTwin();
    await whatsapp.echoes(wa_id, "Hello", { id: "wamid.app" });
    const counts = await countsOf(tenant);
    await whatsapp.echoes(wa_id, "Hello", { id: "wamid.app" });
    expect(await countsOf(tenant)).toEqual(counts);
  });

  test("takes up the reports that came before it", async () => {
    const { tenant, whatsapp, wa_id } = await withTwin();
    await whatsapp.reports("wamid.app", "delivered");
    await whatsapp.echoes(wa_id, "Hello", { id: "wamid.app" });
    await whatsapp.reports("wamid.app", "read");
    const [message] = await outbound(tenant);
    expect(message).toMatchObject({ status: "read", external_id: "wamid.app" });
    expect(message!.delivered_at).not.toBeNull();
  });

  test("to somebody who never wrote opens a conversation with them, in which there is nothing to respond to", async () => {
    const { tenant, whatsapp } = await withTwin();
    const wa_id = freshNumber();
    await whatsapp.echoes(wa_id, "Good morning from the shop");
    const { body } = await tenant.get<{ data: Conversation[] }>("/v1/conversations?limit=1");
    expect(body.data).toMatchObject([{ status: "open", message_count: 1, last_inbound_at: null, first_response_at: null }]);
    const answered = await whatsapp.hears("Good morning", { wa_id });
    expect(answered).toMatchObject({ id: body.data[0]!.id, message_count: 2, first_response_at: null });
    await whatsapp.echoes(wa_id, "How can I help?");
    expect((await tenant.get<Conversation>(`/v1/conversations/${answered.id}`)).body.first_response_at).not.toBeNull();
  });

  test("after the close opens another conversation", async () => {
    const { tenant, whatsapp, wa_id, conversation_id } = await withTwin();
    await tenant.post(`/v1/conversations/${conversation_id}/close`);
    await whatsapp.echoes(wa_id, "One more thing");
    expect((await rowsOf(tenant, conversations)).map(({ status }) => status).toSorted()).toEqual(["open", "resolved"]);
  });

  test("whose event cannot be written leaves nothing, and is taken in when it is told again", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const whatsapp = await createWhatsApp(world, tenant);
    const body = callbackOf(echoing(world, whatsapp.account_id, freshNumber(), "Hello"));
    breakNext("insert", events);
    expect((await whatsapp.post(body)).status).toBe(503);
    expect(await countsOf(tenant)).toEqual({ contacts: 0, conversations: 0, messages: 0, events: 0, provider_events: 0 });
    expect((await whatsapp.post(body)).status).toBe(200);
    expect(await countsOf(tenant)).toEqual({ contacts: 1, conversations: 1, messages: 1, events: 1, provider_events: 1 });
  });

  test.skipIf(!onPostgres())("and its reports at one moment are one message, as far along as the last of them says", async () => {
    const { tenant, whatsapp, wa_id } = await withTwin();
    for (let round = 0; round < 5; round++) {
      const id = `wamid.app.${round}`;
      await Promise.all([
        whatsapp.reports(id, "delivered"),
        whatsapp.echoes(wa_id, `No ${round}`, { id }),
        whatsapp.reports(id, "read"),
        whatsapp.reports(id, "sent"),
      ]);
    }
    expect((await outbound(tenant)).map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => "read"));
  });
});
