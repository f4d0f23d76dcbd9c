import { describe, expect, test } from "vitest";
import { ChannelKind } from "../../src/channels/contract.ts";
import { identityKinds } from "../../src/contacts/contract.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import type { Message } from "../../src/messages/contract.ts";
import { createWorld, type Tenant } from "../support/world.ts";

type Kind = (typeof identityKinds)[number];

const addressed_by: Record<Exclude<ChannelKind, "twilio_voice">, Kind[]> = {
  whatsapp: ["phone", "whatsapp_user"],
  instagram: ["instagram_user"],
  facebook_page: ["page_user"],
  twilio_sms: ["phone"],
  web_widget: ["visitor"],
};
const channels = Object.keys(addressed_by) as (keyof typeof addressed_by)[];

/** Somebody whom the channel has never heard of. */
const stranger = (kind: Kind, end = "7777") => ({ kind, value: kind === "phone" ? `+1555010${end}` : `1784140000${end}` });

async function onSandbox(channel: ChannelKind) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { status, body } = await tenant.post<{ id: string }>("/v1/channels", {
    channel,
    provider: "sandbox",
    name: "Try",
    account_id: "sandbox",
    credentials: { token: "a word of mine" },
  });
  expect(status).toBe(201);
  return { world, tenant, channel_id: body.id };
}

const start = <T = Conversation>(tenant: Tenant, body: object) => tenant.post<T>("/v1/conversations", body);

describe.each(channels)("on a sandbox of %s", (channel) => {
  test.each(addressed_by[channel])("a conversation begins with somebody new, by their %s", async (kind) => {
    const { tenant, channel_id } = await onSandbox(channel);
    const { status, body } = await start(tenant, { channel_id, to: stranger(kind) });
    expect(status).toBe(201);
    expect(body).toMatchObject({ channel, channel_id, status: "open", message_count: 0 });
    const contact = await tenant.get(`/v1/contacts/${body.contact_id}`);
    expect(contact.body).toMatchObject({ identities: [stranger(kind)] });
    expect((await start<Problem>(tenant, { channel_id, contact_id: body.contact_id })).body.code).toBe("invalid_status_transition");
  });

  test("nobody is addressed as on another channel, and no contact is left behind", async () => {
    const { tenant, channel_id } = await onSandbox(channel);
    for (const kind of identityKinds.filter((other) => !addressed_by[channel].includes(other))) {
      const { status, body } = await start<Problem>(tenant, { channel_id, to: stranger(kind) });
      expect([status, body.code], kind).toEqual([422, "recipient_unreachable"]);
      for (const wanted of addressed_by[channel]) expect(body.detail).toContain(wanted);
    }
    expect((await tenant.get<{ data: unknown[] }>("/v1/contacts")).body.data).toEqual([]);
  });
});

const text = { type: "text", text: "Good day" };

describe("a first message to somebody new", () => {
  test.each([
    ["twilio_sms", "phone"],
    ["web_widget", "visitor"],
  ] as const)("arrives on %s", async (channel, kind) => {
    const { world, tenant, channel_id } = await onSandbox(channel);
    const { status, body } = await tenant.post<Message>("/v1/messages", { channel_id, to: stranger(kind), content: text });
    expect(status).toBe(201);
    await world.sendQueued();
    expect((await tenant.get<Message>(`/v1/messages/${body.id}`)).body.status).toBe("delivered");
  });

  test.each([
    ["instagram", "instagram_user"],
    ["facebook_page", "page_user"],
    ["whatsapp", "whatsapp_user"],
  ] as const)("waits on %s until they have written, as on the channel itself", async (channel, kind) => {
    const { tenant, channel_id } = await onSandbox(channel);
    const { status, body } = await tenant.post<Problem>("/v1/messages", { channel_id, to: stranger(kind), content: text });
    expect([status, body.code]).toEqual([422, "messaging_window_closed"]);
  });

  test("fails as the end of their name says", async () => {
    const { world, tenant, channel_id } = await onSandbox("web_widget");
    const { body } = await tenant.post<Message>("/v1/messages", { channel_id, to: stranger("visitor", "0001"), content: text });
    await world.sendQueued();
    const { body: failed } = await tenant.get<Message>(`/v1/messages/${body.id}`);
    expect(failed).toMatchObject({ status: "failed", error: { code: "recipient_unreachable" } });
  });
});
