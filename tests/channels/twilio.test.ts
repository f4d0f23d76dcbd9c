import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import VoiceResponse from "twilio/lib/twiml/VoiceResponse.js";
import { getExpectedBodyHash, getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js";
import { describe, expect, test } from "vitest";
import { Content, type SendErrorCode } from "../../src/channels/contract.ts";
import { meaningOf } from "../../src/channels/providers/twilio-errors.ts";
import type { InboundEvent, Outbound, SendOutcome } from "../../src/channels/providers/provider.ts";
import { verify } from "../../src/channels/providers/twilio.ts";
import { twilioSms } from "../../src/channels/providers/twilio-sms.ts";
import { twilioVoice } from "../../src/channels/providers/twilio-voice.ts";
import { twiml, verb } from "../../src/channels/providers/twiml.ts";
import type { Network } from "../../src/core/context.ts";
import { recorded, recordedTest, recording, specification, specifiedTest } from "../support/payloads.ts";
import { answeringJson, auth_token, createTwilioTwin, refusing } from "../support/twilio.ts";

const received_at = "2026-11-22T10:15:12.480Z";
const url = "https://api.wassla.test/hooks/twilio/chan_01m7x0q4w6e8r9t2y3v5n7b1c4/sms";
const bytes = (text: string) => new TextEncoder().encode(text);

describe("the signature", () => {
  const request = (at: string, body: string, signature: string | undefined) => ({
    url: at,
    raw: bytes(body),
    header: (name: string) => (name === "x-twilio-signature" ? signature : undefined),
  });
  const accepts = (at: string, body: string, signature: string | undefined, token = auth_token) =>
    verify(request(at, body, signature), { auth_token: token });

  recordedTest("has the known answers of Twilio's own tests", () => {
    const { token, cases } = JSON.parse(new TextDecoder().decode(recording("vectors", "twilio-signature-vectors"))) as {
      token: string;
      cases: { url: string; params?: Record<string, string>; body?: string; signature: string }[];
    };
    for (const { url: at, params, body, signature } of cases) {
      const said = body ?? new URLSearchParams(params).toString();
      expect(accepts(at, said, signature, token)).toBe(true);
      expect(accepts(at, `${said}1`, signature, token)).toBe(false);
      expect(accepts(at, said, signature, "another token")).toBe(false);
    }
  });

  test("is Twilio's own of any form, with names that come more than once", () => {
    const form = fc.array(
      fc.tuple(fc.string({ unit: "binary" }), fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 3 })),
      {
        maxLength: 8,
      },
    );
    fc.assert(
      fc.property(form, (named) => {
        const fields = [...new Map(named)];
        const body = new URLSearchParams(fields.flatMap(([name, values]) => values.map((value) => [name, value] as [string, string])));
        const read = Object.fromEntries([...new Set(body.keys())].map((name) => [name, body.getAll(name)]));
        const signature = getExpectedTwilioSignature(auth_token, url, read);
        expect(accepts(url, body.toString(), signature)).toBe(true);
        expect(accepts(`${url}?more=1`, body.toString(), signature)).toBe(false);
      }),
    );
  });

  test.each([
    ["https://api.wassla.test/x?a=b", "https://api.wassla.test:443/x?a=b"],
    ["https://api.wassla.test:8443/x?a=b", "https://api.wassla.test/x?a=b"],
    ["http://api.wassla.test/x?a=b", "http://api.wassla.test:80/x?a=b"],
  ])("of %s may be made over %s", (called, signed) => {
    expect(accepts(called, "A=1", getExpectedTwilioSignature(auth_token, signed, { A: "1" }))).toBe(true);
    expect(accepts(called, "A=1", getExpectedTwilioSignature(auth_token, signed.replace("/x", "/y"), { A: "1" }))).toBe(false);
  });

  test("of JSON is over the URL, which has the hash of the body", () => {
    const body = `{"MessageSid":"SM1"}`;
    const at = `${url}?bodySHA256=${getExpectedBodyHash(body)}`;
    expect(accepts(at, body, getExpectedTwilioSignature(auth_token, at, {}))).toBe(true);
    expect(accepts(at, `${body} `, getExpectedTwilioSignature(auth_token, at, {}))).toBe(false);
    expect(accepts(`${url}?bodySHA256=`, body, getExpectedTwilioSignature(auth_token, `${url}?bodySHA256=`, {}))).toBe(false);
  });

  test("is refused where it is missing, or there is no token to compare with", () => {
    expect(accepts(url, "", undefined)).toBe(false);
    expect(accepts(url, "", "")).toBe(false);
    expect(accepts(url, "", getExpectedTwilioSignature("", url, {}), "")).toBe(false);
    expect(verify(request(url, "", getExpectedTwilioSignature("undefined", url, {})), {})).toBe(false);
  });

  test("of a form with very many names is judged in no time", () => {
    const body = Array.from({ length: 300_000 }, (_, i) => `n${i}=1`).join("&");
    const started = performance.now();
    expect(accepts(url, body, "AAAA")).toBe(false);
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});

describe("TwiML", () => {
  test("says any text as Twilio's own builder would", () => {
    const text = fc
      .string({ unit: "grapheme" })
      .filter((said) => said !== "" && !/[\p{Cc}\ufffe\uffff]/u.test(said.replaceAll(/[\t\n\r]/g, "")));
    fc.assert(
      fc.property(text, text, (said, language) => {
        const theirs = new VoiceResponse();
        theirs.say({ language: language as "en-GB" }, said);
        expect(`<?xml version="1.0" encoding="UTF-8"?>${twiml(verb("Say", { language }, { text: said }))}`).toBe(theirs.toString());
      }),
      {
        examples: [
          [" ", ">"],
          [`<&>"'`, `<&>"'`],
          ["]]>", "]]>"],
        ],
      },
    );
  });

  test("has no characters that XML has not, and no end that its text makes", () => {
    expect(twiml(verb("Say", { a: undefined, b: `"\t<\n` }, { text: "\0\ud800]]></Say>&amp;" }))).toBe(
      `<Response><Say b="&quot;&#x9;&lt;&#xA;">\ufffd\ufffd]]&gt;&lt;/Say&gt;&amp;amp;</Say></Response>`,
    );
  });
});

describe("Twilio's errors", () => {
  test.each<[string | null, number | null, SendErrorCode, boolean]>([
    ["63016", null, "messaging_window_closed", false],
    ["21211", 400, "recipient_unreachable", false],
    ["21614", 400, "recipient_unreachable", false],
    ["30003", null, "recipient_unreachable", false],
    ["30005", null, "recipient_unreachable", false],
    ["30006", null, "recipient_unreachable", false],
    ["21220", 400, "recipient_unreachable", false],
    ["21610", 400, "recipient_opted_out", false],
    ["20003", 401, "channel_auth_failed", false],
    ["20429", 429, "provider_rate_limited", true],
    [null, 429, "provider_rate_limited", true],
    ["21602", 400, "provider_invalid_request", false],
    ["20500", 500, "provider_unavailable", true],
    ["20503", 503, "provider_unavailable", true],
    ["30007", null, "provider_error", false],
    [null, null, "provider_error", false],
    ["constructor", 400, "provider_error", false],
  ])("%s with HTTP %s is %s", (code, http_status, expected, retryable) => {
    expect(meaningOf(code, http_status)).toEqual({ code: expected, retryable });
  });
});

const outbound: Outbound = {
  message_id: "msg_01m7x0q4w6e8r9t2y3v5n7b1c4",
  channel_id: "chan_01m7x0q4w6e8r9t2y3v5n7b1c4",
  account_id: "+15550100200",
  call_id: "CA1",
  to: [{ kind: "phone", value: "15550001111" }],
  content: { type: "text", text: "Hello" },
  as_human_agent: false,
};
const account_sid = "ACtest";
const settings = (twilio_api_url: string) => ({
  public_url: "https://api.wassla.test",
  meta_graph_url: "http://127.0.0.1:1",
  instagram_graph_url: "http://127.0.0.1:1",
  meta_graph_version: "v23.0",
  twilio_api_url,
});
const network: Network = { fetch, resolve: () => Promise.resolve([]), allow_private_webhooks: true, own_host: "api.wassla.test" };
const send = (api_url: string, given: Partial<Outbound> = {}, credentials: Record<string, string> = { account_sid, auth_token }) =>
  twilioSms.send({ ...outbound, ...given }, credentials, { network, settings: settings(api_url) });

describe("a send", () => {
  recordedTest("is taken as every recorded answer of Twilio's has it", async () => {
    const twin = await createTwilioTwin(account_sid);
    for (const { raw } of recorded("twilio-sms/outbound")) {
      const answer = JSON.parse(new TextDecoder().decode(raw)) as { sid: string };
      twin.answer = answeringJson(201, answer);
      expect(await send(twin.url)).toEqual({ outcome: "sent", external_id: answer.sid, status: "sent" });
    }
  });

  test.each<[string, number, unknown, SendOutcome["outcome"]]>([
    ["a refusal", 400, { code: 21211, message: "Invalid 'To'" }, "failed"],
    ["haste", 429, { code: 20429 }, "retry"],
    ["haste in nobody's words", 429, "slow down", "retry"],
    ["Twilio's own mishap", 503, { code: 20503 }, "retry"],
    ["a gateway's mishap", 502, "<html>", "unknown"],
    ["a success without a sid", 201, {}, "unknown"],
    ["a redirection", 302, {}, "failed"],
  ])("that meets %s is %s %j: %s", async (_, status, body, outcome) => {
    const twin = await createTwilioTwin(account_sid);
    twin.answer = answeringJson(status, body, { location: "/2010-04-01/Accounts/ACtest/elsewhere" });
    expect(await send(twin.url)).toMatchObject({ outcome });
    expect(twin.asked).toHaveLength(1);
  });

  test("keeps Twilio's words and its code, and not the token it repeats", async () => {
    const twin = await createTwilioTwin(account_sid);
    twin.answer = answeringJson(400, { code: 21610, message: `Unsubscribed. ${auth_token}` });
    expect(await send(twin.url)).toEqual({
      outcome: "failed",
      error: { code: "recipient_opted_out", detail: "Unsubscribed. [secret]", provider_code: "21610" },
    });
    twin.answer = refusing(400, 21602);
    expect(await send(twin.url)).toMatchObject({ error: { code: "provider_invalid_request", provider_code: "21602" } });
  });

  test("that was never heard is tried again, one that broke off is not", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    await once(closed.close(), "close");
    expect(await send(`http://127.0.0.1:${port}`)).toMatchObject({ outcome: "retry", error: { code: "provider_unavailable" } });
    const twin = await createTwilioTwin(account_sid);
    twin.answer = (response) => response.destroy();
    expect(await send(twin.url)).toMatchObject({ outcome: "unknown" });
  });

  test.each<[string, Partial<Outbound>, Record<string, string> | undefined, SendErrorCode]>([
    ["to nobody", { to: [] }, undefined, "recipient_unreachable"],
    ["to what is no number in E.164", { to: [{ kind: "phone", value: "0151" }] }, undefined, "recipient_unreachable"],
    [
      "of a file without an address",
      { content: { type: "media", media_type: "image", url: null, caption: null } },
      undefined,
      "content_type_unsupported",
    ],
    ["of a call", { content: { type: "call", state: "ringing", duration_seconds: null } }, undefined, "content_type_unsupported"],
    ["without a token", {}, { account_sid, auth_token: "" }, "channel_auth_failed"],
    ["of an account that is none", {}, { account_sid: "../AC1", auth_token }, "channel_auth_failed"],
  ])("%s is not made", async (_, given, credentials, code) => {
    const outcome = await send("http://127.0.0.1:1", given, credentials);
    expect(outcome).toMatchObject({ outcome: "failed", error: { code, provider_code: null } });
  });

  test("into a call that takes more than Twilio's 4000 characters is not made", async () => {
    const world = { network, settings: settings("http://127.0.0.1:1") };
    const content: Content = { type: "text", text: "&".repeat(1000) };
    expect(await twilioVoice.send({ ...outbound, content }, { account_sid, auth_token }, world)).toMatchObject({
      outcome: "failed",
      error: { code: "provider_invalid_request" },
    });
  });

  specifiedTest("has only fields that Twilio's own specification knows", async () => {
    const { paths } = specification("twilio-api-v2010") as {
      paths: Record<string, { post: { requestBody: { content: Record<string, { schema: { properties: object } }> } } }>;
    };
    const known = (path: string) =>
      Object.keys(paths[path]!.post.requestBody.content["application/x-www-form-urlencoded"]!.schema.properties);
    const twin = await createTwilioTwin(account_sid);
    const world = { network, settings: settings(twin.url) };
    const media: Content = { type: "media", media_type: "image", url: "https://files.example/a.png", caption: "Look" };
    await send(twin.url, { content: media });
    await twilioVoice.send(outbound, { account_sid, auth_token }, world);
    const [message, call] = twin.asked.map(({ form }) => [...form.keys()]);
    expect(known("/2010-04-01/Accounts/{AccountSid}/Messages.json")).toEqual(expect.arrayContaining(message!));
    expect(known("/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json")).toEqual(expect.arrayContaining(call!));
  });
});

describe("a mutated form never throws, and gives only what can be kept", () => {
  const names = [
    "MessageSid",
    "SmsSid",
    "MessageStatus",
    "SmsStatus",
    "From",
    "To",
    "Body",
    "NumMedia",
    "MediaUrl0",
    "MediaContentType0",
    "OptOutType",
    "ErrorCode",
    "CallSid",
    "CallStatus",
    "Direction",
    "Caller",
    "SpeechResult",
    "SequenceNumber",
    "CallDuration",
    "RecordingSid",
    "RecordingUrl",
    "RecordingStatus",
    "TranscriptionSid",
    "TranscriptionEvent",
    "TranscriptionData",
    "TranscriptionText",
    "Final",
    "Track",
    "SequenceId",
    "Timestamp",
    "__proto__",
  ];
  const sound = [
    "SM1",
    "CA1",
    "RE1",
    "GT1",
    "+15550001111",
    "delivered",
    "completed",
    "transcription-content",
    `{"transcript":"Hi"}`,
    "true",
    "1",
  ];
  const value = fc.oneof(
    fc.constantFrom(...sound),
    fc.string({ unit: "binary", maxLength: 400 }),
    fc.constant("\0\ud800"),
    fc.constant("x".repeat(9000)),
  );
  const body = fc.oneof(
    fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 20 }).map((fields) => bytes(new URLSearchParams(fields).toString())),
    fc.dictionary(fc.constantFrom(...names), fc.oneof(value, fc.jsonValue())).map((fields) => bytes(JSON.stringify(fields))),
    fc.uint8Array({ maxLength: 300 }),
  );

  test.each([
    ["of SMS", twilioSms],
    ["of voice", twilioVoice],
  ])("%s", (_, provider) => {
    fc.assert(
      fc.property(body, fc.constantFrom(undefined, url, `${url}?message_id=msg_x&turn=%00`), (raw, at) => {
        const events = provider.parse(raw, received_at, at);
        expect(events.length).toBeGreaterThan(0);
        for (const event of events) expectStorable(event);
        expect(provider.parse(raw, received_at, at)).toEqual(events);
        const answer = provider.answer!({ url: at?.replace("/sms", "/voice") ?? url, raw, header: () => undefined }, {});
        expect(answer.body).toMatch(/^<Response(\/>|>.*<\/Response>)$/s);
      }),
      { numRuns: 500 },
    );
  });

  const expectStorable = (event: InboundEvent): void => {
    const { dedupe_key, occurred_at } = event;
    expect(dedupe_key.length).toBeLessThanOrEqual(500);
    expect(occurred_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const text = JSON.stringify({ ...event, raw: null });
    expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/i);
    if (event.kind === "message" || event.kind === "call_part") expect(Content.safeParse(event.content).success).toBe(true);
    if (event.kind === "message") expect(event.from).toHaveLength(1);
  };
});
