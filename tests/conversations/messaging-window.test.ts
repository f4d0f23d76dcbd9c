import { describe, expect, test } from "vitest";
import type { ChannelKind } from "../../src/channels/contract.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message, Sender } from "../../src/messages/contract.ts";
import { admission } from "../../src/messages/may-send.ts";
import { messagingWindow } from "../../src/conversations/messaging-window.ts";
import { after, hours, minutes, msBetween, seconds } from "../../src/core/time.ts";
import { createSandbox, createWhatsApp, freshNumber } from "../support/channels.ts";
import { createGraphTwin } from "../support/graph-twin.ts";
import { countsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const hello = { content: { type: "text", text: "Hello" } } as const;

async function withWhatsApp() {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url } });
  const tenant = await world.tenant();
  return { twin, world, tenant, whatsapp: await createWhatsApp(world, tenant, twin.account_id) };
}

const windowOf = async (tenant: Tenant, id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.messaging_window;
const send = (tenant: Tenant, id: string) => tenant.post<Message>(`/v1/conversations/${id}/messages`, hello);

test("the window is open until the last millisecond of the 24 hours, and not in the next", () => {
  const at = "2026-11-22T10:15:12.480Z";
  expect(messagingWindow("whatsapp", at, after(at, hours(24) - 1)).state).toBe("open");
  expect(messagingWindow("whatsapp", at, after(at, hours(24))).state).toBe("closed");
  expect(messagingWindow("whatsapp", null, at)).toEqual({ state: "closed", expires_at: null, allowed_types: ["template"] });
});

test("on Instagram and a Facebook Page a person may still answer until the last millisecond of the 7 days", () => {
  const at = "2026-11-22T10:15:12.480Z";
  for (const channel of ["instagram", "facebook_page"] as const) {
    expect(messagingWindow(channel, at, after(at, hours(24) - 1))).toMatchObject({ state: "open", expires_at: after(at, hours(24)) });
    for (const ms of [hours(24), hours(7 * 24) - 1]) {
      expect(messagingWindow(channel, at, after(at, ms))).toEqual({
        state: "human_agent_only",
        expires_at: after(at, hours(7 * 24)),
        allowed_types: ["text", "media"],
      });
    }
    expect(messagingWindow(channel, at, after(at, hours(7 * 24)))).toMatchObject({ state: "closed", allowed_types: [] });
    expect(messagingWindow(channel, null, at).state).toBe("closed");
  }
});

test("after a day it is a person's word that a person wrote, never a machine's", () => {
  const now = "2026-11-24T10:15:12.480Z";
  const admitted = (type: Sender["type"], human_agent: boolean, channel: ChannelKind = "instagram") =>
    admission(
      { now: () => now },
      channel,
      { content: hello.content, sender: { type, id: null, name: null }, human_agent },
      after(now, -hours(30)),
    );
  for (const type of ["team_member", "api"] as const) expect(admitted(type, true)).toBe("as_human_agent");
  for (const type of ["ai_agent", "system", "contact"] as const) expect(admitted(type, true)).toBe("refused");
  expect(admitted("team_member", false)).toBe("refused");
  expect(admitted("team_member", true, "whatsapp")).toBe("refused");
  expect(admitted("ai_agent", false, "twilio_sms")).toBe("free");
});

describe("the window of a channel of Meta's", () => {
  test("is open from the contact's message for exactly 24 hours", async () => {
    const { world, tenant } = await withWhatsApp();
    const { id } = await tenant.hears("Hello");
    const { expires_at, ...open } = await windowOf(tenant, id);
    expect(open).toEqual({ state: "open", allowed_types: ["text", "media", "template"] });

    world.advance(msBetween(world.now(), expires_at!) - minutes(1));
    expect(await windowOf(tenant, id)).toMatchObject({ state: "open", expires_at });
    expect((await send(tenant, id)).status).toBe(201);

    world.advance(msBetween(world.now(), expires_at!));
    expect(world.now() >= expires_at!).toBe(true);
    expect(await windowOf(tenant, id)).toEqual({ state: "closed", expires_at, allowed_types: ["template"] });
    expect((await send(tenant, id)).status).toBe(422);
  });

  test("refuses a message outside it, and leaves neither row nor event nor work behind", async () => {
    const { world, tenant } = await withWhatsApp();
    const { id } = await tenant.hears("Hello");
    world.advance(hours(24));
    const before = await countsOf(tenant);
    world.woken.length = 0;
    const { status, body } = await send(tenant, id);
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: "messaging_window_closed", instance: "/v1/conversations/{conversation_id}/messages" });
    expect(await countsOf(tenant)).toEqual(before);
    expect(world.woken).toEqual([]);
  });

  test("opens again with the contact's next message", async () => {
    const { world, tenant } = await withWhatsApp();
    const { id, from } = await tenant.hears("Hello");
    world.advance(hours(30));
    expect((await windowOf(tenant, id)).state).toBe("closed");
    await tenant.hears("Still there?", { from });
    expect((await windowOf(tenant, id)).state).toBe("open");
    expect((await send(tenant, id)).status).toBe(201);
  });

  test("is one for a contact on a channel, whichever conversation they wrote in", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const wa_id = freshNumber();
    const { id: closed } = await whatsapp.hears("One", { wa_id });
    await tenant.post(`/v1/conversations/${closed}/close`);
    world.advance(hours(10));
    const { messaging_window } = await whatsapp.hears("Two", { wa_id });
    expect(await windowOf(tenant, closed)).toEqual(messaging_window);
  });

  test("is another on another channel, and another for another contact", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const wa_id = freshNumber();
    const { id } = await whatsapp.hears("Hello", { wa_id });
    world.advance(hours(25));
    const elsewhere = await createWhatsApp(world, tenant);
    await elsewhere.hears("Over here", { wa_id });
    await whatsapp.hears("I am somebody else");
    expect((await windowOf(tenant, id)).state).toBe("closed");
  });

  test("is not opened by what we send, by its echo, nor by any report on it", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const wa_id = freshNumber();
    const { id, messaging_window } = await whatsapp.hears("Hello", { wa_id });
    world.advance(hours(1));
    const { body: message } = await send(tenant, id);
    await world.sendQueued();
    const { body: sent } = await tenant.get<Message>(`/v1/messages/${message.id}`);
    await whatsapp.echoes(wa_id, "Hello", { id: sent.external_id! });
    await whatsapp.echoes(wa_id, "Written in the app");
    for (const status of ["sent", "delivered", "read"]) await whatsapp.reports(sent.external_id!, status);
    expect(await windowOf(tenant, id)).toEqual(messaging_window);
  });

  test("is closed where a conversation began with an echo", async () => {
    const { tenant, whatsapp } = await withWhatsApp();
    await whatsapp.echoes(freshNumber(), "Good morning from the shop");
    const { body } = await tenant.get<{ data: Conversation[] }>("/v1/conversations");
    expect(body.data).toMatchObject([
      {
        last_inbound_at: null,
        first_response_at: null,
        messaging_window: { state: "closed", expires_at: null, allowed_types: ["template"] },
      },
    ]);
    expect((await send(tenant, body.data[0]!.id)).body).toMatchObject({ code: "messaging_window_closed" });
  });

  test("is judged again when the message's turn comes", async () => {
    const { twin, world, tenant, whatsapp } = await withWhatsApp();
    const { id } = await whatsapp.hears("Hello");
    world.advance(hours(24) - minutes(5));
    const { status, body: message } = await send(tenant, id);
    expect(status).toBe(201);
    world.advance(minutes(5));
    const due = world.now();
    await world.sendQueued();
    const { body } = await tenant.get<Message>(`/v1/messages/${message.id}`);
    expect(body).toMatchObject({ status: "failed", error: { code: "messaging_window_closed", provider_code: null }, sent_at: null });
    expect(body.failed_at! >= due && body.failed_at! <= after(due, seconds(10))).toBe(true);
    expect(twin.asked).toEqual([]);
  });
});

test.each(["instagram", "facebook_page"] as const)("%s has the same window", async (kind) => {
  const { world, tenant } = await withWhatsApp();
  const channel = await createSandbox(world, tenant, kind);
  const { id, messaging_window } = await channel.hears("Hello", freshNumber());
  expect(messaging_window.state).toBe("open");
  world.advance(hours(24));
  expect((await send(tenant, id)).body).toMatchObject({ code: "messaging_window_closed" });
});

test.each([
  ["twilio_sms", ["text", "media"]],
  ["twilio_voice", ["text"]],
  ["web_widget", ["text", "media"]],
] as const)("%s has no window: it may be written to at any time", async (kind, allowed_types) => {
  const { world, tenant } = await withWhatsApp();
  const channel = await createSandbox(world, tenant, kind);
  const { id, messaging_window } = await channel.hears("Hello", freshNumber());
  expect(messaging_window).toEqual({ state: "not_applicable", expires_at: null, allowed_types });

  world.advance(hours(24 * 30));
  expect(await windowOf(tenant, id)).toEqual(messaging_window);
  const { status, body: message } = await send(tenant, id);
  expect(status).toBe(201);
  world.advance(hours(24 * 30));
  await world.sendQueued();
  expect((await tenant.get<Message>(`/v1/messages/${message.id}`)).body.status).toBe("delivered");
});
