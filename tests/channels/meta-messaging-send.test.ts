import { describe, expect, test } from "vitest";
import type { Content, SendErrorCode } from "../../src/channels/contract.ts";
import { facebook_page } from "../../src/channels/providers/facebook-page.ts";
import { instagram } from "../../src/channels/providers/instagram.ts";
import type { Outbound } from "../../src/channels/providers/provider.ts";
import { whatsapp } from "../../src/channels/providers/whatsapp.ts";
import { answering, breaking, createGraphTwin, freshAccount, refusing, taking } from "../support/graph-twin.ts";
import { recorded, recordedTest } from "../support/payloads.ts";

const message_id = "msg_01m7x0q4w6e8r9t2y3v5n7b1c4";
const access_token = "EAAtoken";
const hello: Content = { type: "text", text: "Hello" };
const person = { instagram: "instagram_user", facebook_page: "page_user", whatsapp: "phone" } as const;
const providers = { instagram, facebook_page, whatsapp };
type Channel = keyof typeof providers;
const messaging = ["instagram", "facebook_page"] as const;
const all: Channel[] = ["instagram", "facebook_page", "whatsapp"];

async function withTwin(channel: Channel) {
  const twin = await createGraphTwin();
  const settings = {
    public_url: "http://wassla.example",
    meta_graph_version: "v23.0",
    meta_graph_url: `${twin.url}/facebook`,
    instagram_graph_url: `${twin.url}/instagram`,
    twilio_api_url: "http://127.0.0.1:1",
  };
  const network = { fetch, resolve: async () => [], allow_private_webhooks: true, own_host: "wassla.example" };
  const to: Outbound["to"] = [
    { kind: "visitor", value: "v" },
    { kind: person[channel], value: "4915110000001" },
  ];
  const send = (given: Partial<Outbound> = {}, token = access_token) =>
    providers[channel].send(
      {
        message_id,
        channel_id: "chan_01m7x0q4w6e8r9t2y3v5n7b1c4",
        account_id: twin.account_id,
        to,
        content: hello,
        as_human_agent: false,
        ...given,
      },
      { access_token: token },
      { network, settings },
    );
  return { twin, send };
}

describe("the request", () => {
  test("to Messenger is a response, signed and correlated", async () => {
    const { twin, send } = await withTwin("facebook_page");
    twin.answer = taking("m_out1");
    expect(await send()).toEqual({ outcome: "sent", external_id: "m_out1", status: "sent" });
    expect(twin.asked).toMatchObject([
      {
        path: `/facebook/v23.0/${twin.account_id}/messages`,
        headers: { authorization: `Bearer ${access_token}`, "user-agent": "Wassla/1.0.0" },
      },
    ]);
    expect(twin.asked[0]!.body).toEqual({
      recipient: { id: "4915110000001" },
      messaging_type: "RESPONSE",
      message: { text: "Hello", metadata: message_id },
    });
  });

  test("to Instagram goes to Instagram's own graph", async () => {
    const { twin, send } = await withTwin("instagram");
    twin.answer = taking("mid.out1");
    expect(await send()).toEqual({ outcome: "sent", external_id: "mid.out1", status: "sent" });
    expect(twin.asked[0]).toMatchObject({ path: `/instagram/v23.0/${twin.account_id}/messages` });
    expect(twin.asked[0]!.body).toEqual({ recipient: { id: "4915110000001" }, message: { text: "Hello", metadata: message_id } });
  });

  test.each(messaging)("to %s outside the 24 hours has the tag of a human agent", async (channel) => {
    const { twin, send } = await withTwin(channel);
    await send({ as_human_agent: true });
    expect(twin.asked[0]!.body).toMatchObject({ messaging_type: "MESSAGE_TAG", tag: "HUMAN_AGENT" });
  });

  const url = "https://files.example/a";
  test.each([
    ["facebook_page", "image", "image"],
    ["facebook_page", "video", "video"],
    ["facebook_page", "audio", "audio"],
    ["facebook_page", "document", "file"],
    ["instagram", "image", "image"],
    ["instagram", "video", "video"],
    ["instagram", "audio", "audio"],
  ] as const)("to %s carries a file of kind %s as %s", async (channel, media_type, type) => {
    const { twin, send } = await withTwin(channel);
    await send({ content: { type: "media", media_type, url, caption: null } });
    expect(twin.asked[0]!.body["message"]).toEqual({ attachment: { type, payload: { url } }, metadata: message_id });
  });

  const image = { type: "media", media_type: "image", url, caption: null } as const;
  test.each<[string, Channel, Partial<Outbound>, string, SendErrorCode]>([
    ["nobody to send to", "instagram", { to: [] }, access_token, "recipient_unreachable"],
    ["somebody of another channel", "instagram", { to: [{ kind: "page_user", value: "7" }] }, access_token, "recipient_unreachable"],
    ["somebody of another channel", "facebook_page", { to: [{ kind: "phone", value: "7" }] }, access_token, "recipient_unreachable"],
    ["no token", "facebook_page", {}, "", "channel_auth_failed"],
    ["a document", "instagram", { content: { ...image, media_type: "document" } }, access_token, "content_type_unsupported"],
    ["a sticker", "facebook_page", { content: { ...image, media_type: "sticker" } }, access_token, "content_type_unsupported"],
    ["a file without an address", "facebook_page", { content: { ...image, url: null } }, access_token, "content_type_unsupported"],
    ["a caption that would be lost", "instagram", { content: { ...image, caption: "Look" } }, access_token, "content_type_unsupported"],
  ])("is not made with %s (%s)", async (_, channel, given, token, code) => {
    const { twin, send } = await withTwin(channel);
    expect(await send(given, token)).toMatchObject({ outcome: "failed", error: { code, provider_code: null } });
    expect(twin.asked).toEqual([]);
  });
});

describe.each(all)("what %s answers", (channel) => {
  test("without a message's id, or not at all once it has read the request, leaves the outcome unknown", async () => {
    const { twin, send } = await withTwin(channel);
    for (const answer of [answering(200, { success: true }), answering(502, "<html>"), breaking]) {
      twin.answer = answer;
      expect(await send()).toMatchObject({ outcome: "unknown" });
    }
    expect(twin.asked).toHaveLength(3);
  });

  test.each<[number, number | undefined, SendErrorCode, "failed" | "retry"]>([
    [131047, undefined, "messaging_window_closed", "failed"],
    [10, 2018278, "messaging_window_closed", "failed"],
    [10, 2534022, "messaging_window_closed", "failed"],
    [131026, undefined, "recipient_unreachable", "failed"],
    [131062, undefined, "recipient_unreachable", "failed"],
    [100, 2018001, "recipient_unreachable", "failed"],
    [551, undefined, "recipient_unreachable", "failed"],
    [131050, undefined, "recipient_opted_out", "failed"],
    [132001, undefined, "template_not_found", "failed"],
    [132015, undefined, "template_not_approved", "failed"],
    [132016, undefined, "template_not_approved", "failed"],
    [132000, undefined, "template_params_invalid", "failed"],
    [132005, undefined, "template_params_invalid", "failed"],
    [132008, undefined, "template_params_invalid", "failed"],
    [132012, undefined, "template_params_invalid", "failed"],
    [4, undefined, "provider_rate_limited", "retry"],
    [613, undefined, "provider_rate_limited", "retry"],
    [80007, undefined, "provider_rate_limited", "retry"],
    [130429, undefined, "provider_rate_limited", "retry"],
    [131056, undefined, "provider_rate_limited", "retry"],
    [190, 460, "channel_auth_failed", "failed"],
    [3, undefined, "channel_permission_denied", "failed"],
    [10, 999, "channel_permission_denied", "failed"],
    [200, undefined, "channel_permission_denied", "failed"],
    [299, undefined, "channel_permission_denied", "failed"],
    [368, undefined, "channel_blocked", "failed"],
    [131031, undefined, "channel_blocked", "failed"],
    [100, undefined, "provider_invalid_request", "failed"],
    [131008, undefined, "provider_invalid_request", "failed"],
    [131009, undefined, "provider_invalid_request", "failed"],
    [131051, undefined, "provider_invalid_request", "failed"],
    [1, undefined, "provider_unavailable", "retry"],
    [2, undefined, "provider_unavailable", "retry"],
    [131000, undefined, "provider_unavailable", "retry"],
    [131016, undefined, "provider_unavailable", "retry"],
    [31337, undefined, "provider_error", "failed"],
  ])("with code %i/%s is %s: %s", async (code, error_subcode, ours, outcome) => {
    const { twin, send } = await withTwin(channel);
    twin.answer = answering(400, { error: { message: "No.", code, ...(error_subcode && { error_subcode }), fbtrace_id: "Atrace" } });
    expect(await send()).toMatchObject({
      outcome,
      error: { code: ours, detail: "No. (fbtrace_id Atrace)", provider_code: error_subcode ? `${code}/${error_subcode}` : `${code}` },
    });
  });

  recordedTest("as it was recorded means the same on every channel of Meta's", async () => {
    const { twin, send } = await withTwin(channel);
    const other = await withTwin("whatsapp");
    for (const { name, raw } of recorded("whatsapp/errors")) {
      const body = JSON.parse(new TextDecoder().decode(raw)) as { error: { code: number } };
      twin.answer = other.twin.answer = answering(Number(name.split("-")[1]), body);
      const outcome = await send();
      expect(outcome, name).toEqual(await other.send());
      expect("error" in outcome && outcome.error.provider_code?.split("/")[0], name).toBe(String(body.error.code));
    }
  });
});

test("an account's id cannot lead the request elsewhere", async () => {
  const { twin, send } = await withTwin("facebook_page");
  twin.answer = refusing(404, 100);
  await send({ account_id: `../../${twin.account_id}/${freshAccount()}?x=#` });
  expect(twin.asked).toEqual([]);
});
