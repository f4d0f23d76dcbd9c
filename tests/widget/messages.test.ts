import { describe, expect, test } from "vitest";
import { mine } from "../../src/db/mine.ts";
import { storeMessage } from "../../src/messages/store-message.ts";
import { atomically } from "../../src/db/atomically.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Sender } from "../../src/messages/contract.ts";
import { messages } from "../../src/messages/tables.ts";
import { caughtUp } from "../support/feeds.ts";
import { createReceiver } from "../support/receiver.ts";
import { answerTo, conversationOn, createWidget, shop, userOf } from "../support/visitors.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function aPage() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const widget = await createWidget(world, tenant);
  return { world, tenant, widget, page: await widget.visit() };
}

const messageOf = async (tenant: Tenant, id: string) => (await tenant.get(`/v1/messages/${id}`)).body;

/** Whoever of the business writes, as rooms that are not built yet will let them. */
const writtenBy = (tenant: Tenant, conversation_id: string, sender: Sender, text: string) =>
  atomically(tenant.ctx, async (tx) => {
    const [conversation] = await tx.db.select().from(conversations).where(mine(tx, conversations));
    if (conversation?.id !== conversation_id) throw new Error("there is another conversation");
    return storeMessage(tx, conversation, null, {
      direction: "outbound",
      sender,
      content: { type: "text", text },
      status: "queued",
      metadata: { internal: "only for us" },
      due_at: tx.now(),
    });
  });

describe("what a visitor writes", () => {
  test("is at once a message like any other: conversation, contact, event, delivery", async () => {
    const { world, tenant, widget, page } = await aPage();
    const receiver = await createReceiver();
    await tenant.endpoint(receiver.url);
    const { status, body } = await page.says("Do you ship to Beirut?", "ref-1");
    expect(status).toBe(201);
    expect(body).toEqual({
      id: body.id,
      object: "message",
      from: "visitor",
      name: null,
      content: { type: "text", text: "Do you ship to Beirut?" },
      client_reference: "ref-1",
      read_at: null,
      created_at: body.created_at,
    });
    expect(await messageOf(tenant, body.id)).toMatchObject({
      channel: "web_widget",
      direction: "inbound",
      status: "received",
      sender: { type: "contact", name: null },
      content: body.content,
      client_reference: "ref-1",
    });
    expect((await tenant.get<{ data: object[] }>(`/v1/conversations?channel_id=${widget.channel_id}`)).body.data).toMatchObject([
      { status: "open", message_count: 1, messaging_window: { state: "not_applicable" } },
    ]);
    await world.deliver();
    expect(receiver.received.map(({ body: text }) => JSON.parse(text) as object)).toMatchObject([
      { type: "new_message", data: { message: { id: body.id }, conversation: { channel: "web_widget" } } },
    ]);
  });

  test("twice under one reference, because an answer was lost, is one message", async () => {
    const { tenant, page } = await aPage();
    const answers = await Promise.all([page.says("Hello", "same"), page.says("Hello", "same"), page.says("Hello", "same")]);
    const again = await page.says("Hello", "same");
    expect(again.status).toBe(200);
    expect(new Set([...answers, again].map(({ body }) => body.id)).size).toBe(1);
    expect(await tenant.ctx.db.$count(messages, mine(tenant.ctx, messages))).toBe(1);
    expect(await page.says("Something else", "same")).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
  });

  test("under a reference that another visitor used too is theirs alone", async () => {
    const { widget, page } = await aPage();
    const other = await widget.visit();
    const [one, two] = [await page.says("One", "same"), await other.says("Two", "same")];
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(one.body.id).not.toBe(two.body.id);
  });

  test("after the conversation was closed opens another", async () => {
    const { tenant, widget, page } = await aPage();
    await page.says("First");
    const { id } = await conversationOn(tenant, widget.channel_id);
    await tenant.post(`/v1/conversations/${id}/close`);
    await page.says("Second");
    expect((await conversationOn(tenant, widget.channel_id)).id).not.toBe(id);
    expect((await page.history()).body.data).toHaveLength(2);
  });

  test.each([
    ["no text", {}, "/text", "required"],
    ["an empty text", { text: "  " }, "/text", "too_small"],
    ["a text of 4097 characters", { text: "é".repeat(4097) }, "/text", "too_large"],
    ["a null byte", { text: "a\0b" }, "/text", "invalid_characters"],
    ["half a surrogate pair", { text: "a\ud83d" }, "/text", "invalid_characters"],
    ["no reference", { text: "Hi", client_reference: undefined }, "/client_reference", "required"],
    ["a long reference", { text: "Hi", client_reference: "x".repeat(65) }, "/client_reference", "too_large"],
    ["a field that is not known", { text: "Hi", sender: "team" }, "/sender", "unknown_field"],
  ])("with %s is refused by name", async (_, body, pointer, code) => {
    const { page } = await aPage();
    const { status, body: problem } = await page.ask("messages", { client_reference: "1", ...body });
    expect(status).toBe(400);
    expect(problem).toMatchObject({ code: "validation_failed", instance: "/widget/v1/messages", errors: [{ pointer, code }] });
  });

  test("may have 4096 characters, counted as people count: an emoji is one", async () => {
    const { page } = await aPage();
    expect((await page.says("🌷".repeat(4096))).status).toBe(201);
  });

  test("that is no JSON, or far too long, is refused before it is read", async () => {
    const { world, page } = await aPage();
    const post = (body: string, headers: Record<string, string> = {}) =>
      world.request("/widget/v1/messages", { method: "POST", key: page.token, headers: { Origin: shop, ...headers }, body });
    expect(await post("{")).toMatchObject({ status: 400, body: { code: "malformed_json" } });
    expect(await post("{}", { "Content-Type": "text/plain" })).toMatchObject({ status: 415, body: { code: "unsupported_media_type" } });
    expect(await post(JSON.stringify({ text: "x".repeat(70_000) }))).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
    expect(await world.request("/widget/v1/messages", { method: "DELETE" })).toMatchObject({
      status: 405,
      body: { code: "method_not_allowed" },
    });
  });
});

describe("what the team answers", () => {
  test("is sent once it is stored, delivered once a page took it, and read when the page says so", async () => {
    const { world, tenant, widget, page } = await aPage();
    await page.says("Hello?");
    const { id: conversation_id } = await conversationOn(tenant, widget.channel_id);
    const id = await answerTo(tenant, conversation_id, "Good morning!");
    await world.sendQueued();
    expect(await messageOf(tenant, id)).toMatchObject({ status: "sent", external_id: id, delivered_at: null });

    world.advance(1000);
    expect((await page.history()).body.data[0]).toMatchObject({ id, from: "team", read_at: null });
    const delivered = await messageOf(tenant, id);
    expect(delivered).toMatchObject({ status: "delivered", read_at: null });

    world.advance(1000);
    expect(await page.reads(id)).toMatchObject({ status: 200, body: { object: "read_receipt", message_id: id } });
    const read = await messageOf(tenant, id);
    expect(read).toMatchObject({ status: "read", sent_at: delivered["sent_at"], delivered_at: delivered["delivered_at"] });
    world.advance(1000);
    await page.reads(id);
    await page.history();
    expect(await messageOf(tenant, id), "the first time counts").toEqual(read);
  });

  test("that a page took before the dispatcher came is delivered, and not sent again", async () => {
    const { world, tenant, widget, page } = await aPage();
    await page.says("Hello?");
    const id = await answerTo(tenant, (await conversationOn(tenant, widget.channel_id)).id, "Good morning!");
    await page.history();
    expect(await messageOf(tenant, id)).toMatchObject({ status: "delivered", external_id: null, error: null });
    await world.sendQueued();
    expect(await messageOf(tenant, id)).toMatchObject({ status: "delivered" });
  });

  test("up to a message is read, and not what came after, nor what another visitor was told", async () => {
    const { tenant, widget, page } = await aPage();
    await page.says("Hello?");
    const conversation = await conversationOn(tenant, widget.channel_id);
    const other = await widget.visit();
    await other.says("Me too");
    const theirs = await answerTo(tenant, (await conversationOn(tenant, widget.channel_id)).id, "You too");
    const [first, second, third] = [
      await answerTo(tenant, conversation.id, "1"),
      await answerTo(tenant, conversation.id, "2"),
      await answerTo(tenant, conversation.id, "3"),
    ];
    await page.reads(second);
    const statuses = await Promise.all([first, second, third, theirs].map(async (id) => (await messageOf(tenant, id))["status"]));
    expect(statuses).toEqual(["read", "read", "queued", "queued"]);
    expect(await page.ask("read", { message_id: "msg_1" })).toMatchObject({ status: 400, body: { code: "validation_failed" } });
  });

  test("shows a first name or the assistant's, and nothing that is the team's own", async () => {
    const { world, tenant, widget, page } = await aPage();
    await page.says("Hello?");
    const { id } = await conversationOn(tenant, widget.channel_id);
    await writtenBy(tenant, id, { type: "team_member", id: world.services.newId("key"), name: "Lina Khoury" }, "From Lina");
    await writtenBy(tenant, id, { type: "ai_agent", id: null, name: "Wassla" }, "From the agent");
    await writtenBy(tenant, id, { type: "system", id: null, name: "Scheduler" }, "From the system");
    await answerTo(tenant, id, "From a key");
    const { data } = (await page.history()).body;
    expect(data.map(({ from, name }) => [from, name])).toEqual([
      ["team", null],
      ["team", null],
      ["assistant", "Wassla"],
      ["team", "Lina"],
      ["visitor", null],
    ]);
    const fields = ["client_reference", "content", "created_at", "from", "id", "name", "object", "read_at"];
    for (const message of data) expect(Object.keys(message).toSorted()).toEqual(fields);
    expect(JSON.stringify(data)).not.toMatch(/Khoury|First key|Scheduler|internal|key_/);
  });

  test("to a contact who was never on this website fails, and says why", async () => {
    const { world, tenant, widget } = await aPage();
    const to = { kind: "visitor", value: "somebody" };
    const { body } = await tenant.post<{ id: string }>("/v1/messages", {
      channel_id: widget.channel_id,
      to,
      content: { type: "text", text: "Hi" },
    });
    await world.sendQueued();
    expect(await messageOf(tenant, body.id)).toMatchObject({ status: "failed", error: { code: "recipient_unreachable" } });
  });

  test("with a file shows it by its address", async () => {
    const { tenant, widget, page } = await aPage();
    await page.says("A picture please");
    const { id } = await conversationOn(tenant, widget.channel_id);
    const content = { type: "media", media_type: "image", url: "https://cdn.shop.example/lamp.jpg", caption: "The lamp" };
    await tenant.post(`/v1/conversations/${id}/messages`, { content });
    expect((await page.history()).body.data[0]).toMatchObject({ content });
  });
});

describe("a thread", () => {
  test("is read backwards in pages, each message once", async () => {
    const { page } = await aPage();
    for (let n = 0; n < 7; n++) await page.says(`No ${n}`);
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const { body } = await page.history(`?limit=3${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.data.map(({ content }) => (content.type === "text" ? content.text : "")));
      cursor = body.next_cursor;
    }
    expect(seen).toEqual(Array.from({ length: 7 }, (_, n) => `No ${6 - n}`));
  });

  test("is polled for what came since the session, each message once, where there can be no stream", async () => {
    const { tenant, widget, page } = await aPage();
    let after = page.session.feed_cursor;
    const poll = async () => {
      await caughtUp(tenant.ctx.db);
      const { status, body } = await page.history(`?after=${after}`);
      expect(status).toBe(200);
      after = body.next_cursor!;
      return body.data.map(({ content }) => (content.type === "text" ? content.text : ""));
    };
    expect(await poll(), "nobody is known yet").toEqual([]);
    await page.says("Hello?");
    await answerTo(tenant, (await conversationOn(tenant, widget.channel_id)).id, "Yes?");
    expect(await poll()).toEqual(["Hello?", "Yes?"]);
    expect(await poll()).toEqual([]);
    await page.says("Nothing");
    expect(await poll()).toEqual(["Nothing"]);
  });

  test("has cursors of its own: another visitor's, another direction's and both at once are refused", async () => {
    const { widget, page } = await aPage();
    for (let n = 0; n < 3; n++) await page.says(`No ${n}`);
    const cursor = (await page.history("?limit=1")).body.next_cursor!;
    const after = page.session.feed_cursor;
    const other = await widget.visit({ user: userOf("42") });
    const refused = { status: 400, body: { code: "invalid_cursor" } };
    expect(await other.history(`?cursor=${cursor}`)).toMatchObject(refused);
    expect(await other.history(`?after=${after}`)).toMatchObject(refused);
    expect(await page.history(`?after=${cursor}`)).toMatchObject(refused);
    expect(await page.history(`?cursor=${cursor}&after=${after}`)).toMatchObject({ status: 400, body: { code: "validation_failed" } });
    expect(await page.history("?limit=51")).toMatchObject({ status: 400, body: { errors: [{ pointer: "/limit" }] } });
    expect(await page.history("?nothing=1")).toMatchObject({ status: 400, body: { errors: [{ code: "unknown_field" }] } });
  });

  test("of a contact who was deleted is gone from the page, and whoever writes again is new", async () => {
    const { tenant, widget, page } = await aPage();
    await page.says("Forget me");
    const { contact_id } = await conversationOn(tenant, widget.channel_id);
    await tenant.delete(`/v1/contacts/${contact_id}`);
    expect((await page.history()).body.data).toEqual([]);
    await page.says("Who am I?");
    expect((await page.history()).body.data).toHaveLength(1);
    expect((await conversationOn(tenant, widget.channel_id)).contact_id).not.toBe(contact_id);
  });
});
