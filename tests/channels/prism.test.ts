import { expect } from "vitest";
import type { Content, Identity } from "../../src/channels/contract.ts";
import { providers } from "../../src/channels/providers/all.ts";
import type { Outbound, World } from "../../src/channels/providers/provider.ts";
import type { TemplateParameter } from "../../src/channels/providers/template.ts";
import { minutes } from "../../src/core/time.ts";
import { credentials as meta } from "../support/channels.ts";
import { specifiedTest } from "../support/payloads.ts";
import { createValidatingTwin } from "../support/prism.ts";

const message_id = "msg_01m7x0q4w6e8r9t2y3v5n7b1c4";
const channel_id = "chan_01m7x0q4w6e8r9t2y3v5n7b1c4";
const phone: Identity[] = [{ kind: "phone", value: "15550101001" }];

/** Meta documents it in its guides and tells it back in its callbacks; its specification has no room for it. */
const unspecified = "biz_opaque_callback_data";

const withoutUnspecified: typeof fetch = (url, init) => {
  if (typeof init?.body !== "string" || !init.body.startsWith("{")) return fetch(url, init);
  const { [unspecified]: correlation, ...body } = JSON.parse(init.body) as Record<string, unknown>;
  expect(correlation).toBe(message_id);
  return fetch(url, { ...init, body: JSON.stringify(body) });
};

const worldAt = (url: string): World => ({
  network: { fetch: withoutUnspecified, resolve: async () => [], allow_private_webhooks: false, own_host: "api.wassla.test" },
  settings: {
    public_url: "https://api.wassla.test",
    meta_graph_url: url,
    instagram_graph_url: url,
    meta_graph_version: "v23.0",
    twilio_api_url: url,
  },
});

const outbound = (content: Content, more: Partial<Outbound> = {}): Outbound => ({
  message_id,
  channel_id,
  account_id: "106540352242922",
  to: phone,
  content,
  as_human_agent: false,
  ...more,
});

const text: Content = { type: "text", text: "Your order is on its way. 🌷" };
const file = (media_type: "image" | "video" | "audio" | "document" | "sticker", caption: string | null = null): Content => ({
  type: "media",
  media_type,
  url: "https://files.example/order.pdf",
  caption,
});
const template = (...parameters: TemplateParameter[]): [Content, Partial<Outbound>] => [
  { type: "template", name: "order_shipped", language: "en", variables: {}, text: "" },
  { parameters },
];

/** Meta's specification knows no `copy_code` among the buttons, though its guide does: that kind is not asked here. */
const by_whatsapp: [string, Content, Partial<Outbound>?][] = [
  ["a text", text],
  ["an image", file("image")],
  ["an image with words", file("image", "Your order")],
  ["a video", file("video", "Your order")],
  ["a voice message", file("audio")],
  ["a document", file("document", "Your bill")],
  ["a sticker", file("sticker")],
  ["a template", ...template()],
  ["a template with values", ...template({ component: "body", kind: "text", name: null, value: "Sara" })],
  ["a template with names", ...template({ component: "body", kind: "text", name: "first_name", value: "Sara" })],
  ["a template with a picture", ...template({ component: "header", kind: "image", value: "https://files.example/a.png" })],
  ["a template with a button", ...template({ component: "button", kind: "url", index: 1, value: "A-1007" })],
];

specifiedTest("what WhatsApp is sent is what Meta's own specification allows", { timeout: minutes(2) }, async () => {
  const twin = await createValidatingTwin("meta-whatsapp-v23.0");
  const world = worldAt(twin.url);
  for (const [what, content, more] of by_whatsapp) {
    const outcome = await providers.whatsapp.send(outbound(content, more), meta, world);
    expect(outcome, what).toMatchObject({ outcome: "sent", external_id: expect.stringMatching(/^wamid\./) as unknown });
  }
  const listing = await providers.whatsapp.templates!.list({ ...meta, waba_id: "102290129340398" }, world);
  expect(listing).toMatchObject({ ok: true });
  expect(listing.ok && listing.templates.map(({ name }) => name)).toContain("hello_world");

  const nonsense = { messaging_product: "whatsapp", to: "15550101001", type: "template", template: { name: "x" } };
  const refused = await fetch(`${twin.url}/v23.0/106540352242922/messages`, {
    method: "POST",
    headers: { authorization: "Bearer x", "content-type": "application/json" },
    body: JSON.stringify(nonsense),
  });
  expect(refused.status, "the twin can refuse").toBe(422);
});

specifiedTest("what Twilio is sent is what Twilio's own specification allows", { timeout: minutes(2) }, async () => {
  const twin = await createValidatingTwin("twilio-api-v2010");
  const world = worldAt(twin.url);
  const account = { account_sid: `AC${"0".repeat(32)}`, auth_token: "the token of an account" };
  const service = { ...account, messaging_service_sid: `MG${"0".repeat(32)}` };
  const account_id = "+15550100200";
  const call_id = `CA${"0".repeat(32)}`;
  const sms = (content: Content, credentials: Record<string, string> = account) =>
    providers.twilio_sms.send(outbound(content, { account_id }), credentials, world);
  const voice = (credentials: Record<string, string>) =>
    providers.twilio_voice.send(outbound(text, { account_id, call_id }), credentials, world);

  const outcomes = {
    "a text": await sms(text),
    "a text by a service": await sms(text, service),
    "a picture": await sms(file("image")),
    "a picture with words": await sms(file("image", "Your order")),
    "words into a call": await voice(account),
    "words into a call that is recorded": await voice({ ...account, inbound_mode: "voicemail", language: "en-GB" }),
  };
  for (const [what, outcome] of Object.entries(outcomes)) {
    expect(outcome, what).toMatchObject({ outcome: "sent", external_id: expect.stringMatching(/^(SM|MM|CA)/) as unknown });
  }
  const refused = await fetch(`${twin.url}/2010-04-01/Accounts/${account.account_sid}/Messages.json`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("x:y")}`, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ Body: "To nobody" }).toString(),
  });
  expect(refused.status, "the twin can refuse").toBe(422);
});
