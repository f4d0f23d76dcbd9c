import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { ChannelKind } from "../../src/channels/contract.ts";
import { channels } from "../../src/channels/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message } from "../../src/messages/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { messages } from "../../src/messages/tables.ts";
import { createNewId } from "../../src/core/ids.ts";
import type { Problem } from "../../src/core/errors.ts";
import { breakable } from "../support/breakable-db.ts";
import { createSandbox, freshNumber } from "../support/channels.ts";
import { database } from "../support/database.ts";
import { countsOf, eventsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withConversation() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id } = await tenant.hears("Where is my order?");
  return { world, tenant, id, send: sender(tenant, id) };
}

const sender =
  (tenant: Tenant, id: string) =>
  <T = Message>(content: unknown, more: object = {}) =>
    tenant.post<T>(`/v1/conversations/${id}/messages`, { content, ...more });

const text = (said: string) => ({ type: "text", text: said });
const image = (more: object = {}) => ({ type: "media", media_type: "image", url: "https://files.example/order.png", ...more });

describe("a message", () => {
  test("is queued, announced, and told where to be read; nothing is sent inside the request", async () => {
    const { world, tenant, id, send } = await withConversation();
    world.woken.length = 0;
    const { status, headers, body: message } = await send(text("On its way."));
    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`/v1/messages/${message.id}`);
    expect(message).toMatchObject({
      object: "message",
      conversation_id: id,
      channel: "whatsapp",
      direction: "outbound",
      sender: { type: "api", name: "First key" },
      content: { type: "text", text: "On its way." },
      status: "queued",
      error: null,
      external_id: null,
      client_reference: null,
      metadata: {},
      sent_at: null,
    });
    expect(world.woken).toEqual(["messages"]);
    expect((await tenant.get<Message>(headers.get("location")!)).body).toEqual(message);

    const { body: conversation } = await tenant.get<Conversation>(`/v1/conversations/${id}`);
    expect(conversation).toMatchObject({ message_count: 2, last_message_preview: "On its way.", first_response_at: message.created_at });
    expect((await eventsOf(tenant)).at(-1)).toMatchObject({ type: "new_message", data: { message, conversation } });
  });

  test("keeps the client's reference and metadata", async () => {
    const { tenant, send } = await withConversation();
    const given = { client_reference: "order A-1007 😀", metadata: { order_id: "A-1007", ملاحظة: "عاجل" } };
    const { body: message } = await send(text("On its way."), given);
    const kept = { client_reference: "order A-1007 😀", metadata: { order_id: "A-1007", ملاحظة: "عاجل" } };
    expect(message).toMatchObject(kept);
    expect((await tenant.get<Message>(`/v1/messages/${message.id}`)).body).toMatchObject(kept);
  });

  test("is kept without the blanks around it", async () => {
    const { send } = await withConversation();
    expect((await send(text("  On its way.\n"))).body.content).toEqual(text("On its way."));
    expect((await send(image({ caption: " \n " }))).body.content).toEqual(image({ caption: null }));
  });

  test("may be a file, with words or without", async () => {
    const { tenant, id, send } = await withConversation();
    expect((await send(image({ caption: "Your order" }))).body.content).toEqual(image({ caption: "Your order" }));
    expect((await send(image())).body.content).toEqual(image({ caption: null }));
    expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.last_message_preview).toBe("[image]");
  });
});

describe("is refused, naming the fault, and leaves nothing", () => {
  const refused = async (content: unknown, more: object = {}) => {
    const { tenant, send } = await withConversation();
    const before = await countsOf(tenant);
    const { status, body } = await send<Problem>(content, more);
    expect(await countsOf(tenant)).toEqual(before);
    return { status, code: body.code, faults: body.errors?.map(({ pointer, code }) => `${pointer} ${code}`) };
  };

  test.each<[string, unknown, string]>([
    ["a blank text", text(" \n\t "), "/content/text too_small"],
    ["no text", { type: "text" }, "/content/text required"],
    ["a text that is a number", { type: "text", text: 7 }, "/content/text invalid_type"],
    ["an unknown kind", { type: "sticker", url: "https://files.example/a.webp" }, "/content/type not_allowed"],
    ["no kind", { text: "Hello" }, "/content/type required"],
    ["a field that is not there", { type: "text", text: "Hello", bold: true }, "/content/bold unknown_field"],
    ["a file over http", image({ url: "http://files.example/order.png" }), "/content/url invalid_format"],
    ["a file that is no address", image({ url: "order.png" }), "/content/url invalid_format"],
    ["a file inside the address", image({ url: "data:image/png;base64,AAAA" }), "/content/url invalid_format"],
    ["a sticker", image({ media_type: "sticker" }), "/content/media_type not_allowed"],
    ["half a character", text("\ud800"), "/content/text invalid_characters"],
    ["a null character", text("a\0b"), "/content/text invalid_characters"],
    ["nothing", undefined, "/content required"],
  ])("%s", async (_, content, fault) => {
    expect(await refused(content)).toEqual({ status: 400, code: "validation_failed", faults: [fault] });
  });

  test.each<[string, object, string]>([
    ["an empty reference", { client_reference: "" }, "/client_reference too_small"],
    ["a reference of 256 characters", { client_reference: "x".repeat(256) }, "/client_reference too_large"],
    ["metadata of 51 keys", { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, ""])) }, "/metadata too_large"],
    ["a value that is too long", { metadata: { key: "x".repeat(501) } }, "/metadata/key too_large"],
    ["another's status", { status: "sent" }, "/status unknown_field"],
  ])("%s", async (_, more, fault) => {
    expect(await refused(text("Hello"), more)).toEqual({ status: 400, code: "validation_failed", faults: [fault] });
  });
});

describe("the channel's own limits", () => {
  const on = async (kind: ChannelKind) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const channel = await createSandbox(world, tenant, kind);
    const { id } = await channel.hears("Hello", freshNumber());
    return sender(tenant, id);
  };

  test.each<[ChannelKind, string, string, string]>([
    ["whatsapp", "4096 characters", "x".repeat(4096), "x".repeat(4097)],
    ["whatsapp", "4096 emoji, each one character", "😀".repeat(4096), "😀".repeat(4097)],
    ["instagram", "1000 bytes", "x".repeat(1000), "x".repeat(1001)],
    ["instagram", "500 Arabic letters, of two bytes each", "س".repeat(500), "س".repeat(501)],
    ["instagram", "250 emoji, of four bytes each", "😀".repeat(250), `${"😀".repeat(250)}x`],
    ["facebook_page", "2000 characters", "س".repeat(2000), "س".repeat(2001)],
    ["twilio_sms", "1600 characters", "س".repeat(1600), "س".repeat(1601)],
    ["twilio_voice", "3000 characters", "س".repeat(3000), "س".repeat(3001)],
    ["web_widget", "4096 characters", "س".repeat(4096), "س".repeat(4097)],
  ])("%s takes %s and no more", async (kind, _, longest, longer) => {
    const send = await on(kind);
    const taken = await send(text(longest));
    expect(taken.status).toBe(201);
    expect(taken.body.content).toEqual(text(longest));
    const { status, body } = await send<Problem>(text(longer));
    expect([status, body.errors]).toMatchObject([400, [{ pointer: "/content/text", code: "too_large" }]]);
  });

  test.each<[ChannelKind, number]>([
    ["whatsapp", 1024],
    ["instagram", 0],
    ["facebook_page", 0],
    ["twilio_sms", 1600],
    ["web_widget", 1024],
  ])("%s takes a caption of at most %i characters", async (kind, limit) => {
    const send = await on(kind);
    expect((await send(image({ caption: "س".repeat(limit) }))).status).toBe(201);
    const { status, body } = await send<Problem>(image({ caption: "س".repeat(limit + 1) }));
    expect([status, body.errors]).toMatchObject([400, [{ pointer: "/content/caption", code: "too_large" }]]);
  });

  test("a call carries no file", async () => {
    const send = await on("twilio_voice");
    const { status, body } = await send<Problem>(image());
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: "content_type_unsupported", detail: "The channel twilio_voice carries text only." });
  });
});

describe("nothing is queued", () => {
  const setStatus = async (tenant: Tenant, status: "connected" | "disconnected" | "error") =>
    tenant.ctx.db.update(channels).set({ status }).where(eq(channels.id, tenant.channel_id));

  test("in a conversation that is closed", async () => {
    const { tenant, id, send } = await withConversation();
    await tenant.post(`/v1/conversations/${id}/close`);
    const before = await countsOf(tenant);
    const { status, body } = await send<Problem>(text("Too late"));
    expect([status, body.code]).toEqual([409, "conversation_closed"]);
    expect(await countsOf(tenant)).toEqual(before);
  });

  test("on a channel that is disconnected; on one whose credentials failed it waits for better ones", async () => {
    const { tenant, send } = await withConversation();
    await setStatus(tenant, "disconnected");
    const { status, body } = await send<Problem>(text("Hello"));
    expect([status, body.code]).toEqual([409, "channel_disconnected"]);
    await setStatus(tenant, "error");
    expect((await send(text("Hello"))).status).toBe(201);
  });

  test.each([
    ["is malformed", "conv_nothing"],
    ["is of another kind", createNewId()("msg")],
    ["names nothing", createNewId()("conv")],
  ])("where the conversation's id %s", async (_, id) => {
    const { tenant } = await withConversation();
    const { status, body } = await sender(tenant, id)<Problem>(text("Hello"));
    expect([status, body.code]).toEqual([404, "not_found"]);
  });

  test("in another workspace's conversation", async () => {
    const { world, tenant, id } = await withConversation();
    const neighbour = await world.tenant();
    const before = await countsOf(tenant);
    const { status, body } = await sender(neighbour, id)<Problem>(text("Hello"));
    expect([status, body.code]).toEqual([404, "not_found"]);
    expect(await countsOf(tenant)).toEqual(before);
    expect(await countsOf(neighbour)).toMatchObject({ messages: 0, events: 0 });
  });

  test("by a key that may only read", async () => {
    const { world, tenant, id } = await withConversation();
    const { token } = await tenant.mint({ scopes: ["read", "admin"] });
    const { status, body } = await world.request(`/v1/conversations/${id}/messages`, {
      method: "POST",
      key: token,
      body: { content: text("Hello") },
    });
    expect(status).toBe(403);
    expect(body).toMatchObject({ code: "forbidden", required_scope: "write" });
  });

  test.each(["message", "conversation"] as const)("where the %s cannot be written", async (which) => {
    const { db, breakNext } = breakable((await database()).db);
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const { id } = await tenant.hears("Hello");
    const before = { counts: await countsOf(tenant), conversation: (await tenant.get(`/v1/conversations/${id}`)).body };
    world.woken.length = 0;

    if (which === "message") breakNext("insert", messages);
    else breakNext("update", conversations);
    const { status, body } = await sender(tenant, id)<Problem>(text("Hello"));
    expect([status, body.code]).toEqual([500, "internal_error"]);
    expect(JSON.stringify(body)).not.toContain("broke");
    expect({ counts: await countsOf(tenant), conversation: (await tenant.get(`/v1/conversations/${id}`)).body }).toEqual(before);
    expect(world.woken).toEqual([]);
  });
});

describe("one message", () => {
  test.each([
    ["is malformed", "msg_nothing"],
    ["names nothing", createNewId()("msg")],
    ["is a conversation's", createNewId()("conv")],
  ])("is not found where its id %s", async (_, id) => {
    const { tenant } = await withConversation();
    const { status, body } = await tenant.get(`/v1/messages/${id}`);
    expect([status, body["code"]]).toEqual([404, "not_found"]);
  });

  test("of another workspace is not found", async () => {
    const { world, send } = await withConversation();
    const { body: message } = await send(text("Hello"));
    const neighbour = await world.tenant();
    expect((await neighbour.get(`/v1/messages/${message.id}`)).status).toBe(404);
  });
});
