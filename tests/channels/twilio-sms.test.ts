import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { provider_events } from "../../src/channels/tables.ts";
import { messages } from "../../src/messages/tables.ts";
import { freshNumber } from "../support/channels.ts";
import { recorded, recordedTest } from "../support/payloads.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { accepting, auth_token, createTwilio, createTwilioTwin, freshSid, refusing, type Form } from "../support/twilio.ts";
import { createWorld, type World } from "../support/world.ts";

async function withSms(given: Form = {}) {
  const twin = await createTwilioTwin();
  const world = await createWorld({ settings: { twilio_api_url: twin.url } });
  const tenant = await world.tenant();
  const sms = await createTwilio(world, tenant, "twilio_sms", { account_sid: twin.account_sid, ...given });
  const from = `+${freshNumber()}`;
  const send = (text: string, ask?: object) =>
    tenant.post<{ id: string; code?: string }>("/v1/messages", {
      channel_id: sms.channel_id,
      to: { kind: "phone", value: from },
      content: { type: "text", text },
      ...ask,
    });
  return { twin, world, tenant, sms, from, send };
}

const nothing = { contacts: 0, conversations: 0, messages: 0, events: 0, provider_events: 0 };
const formOf = (form: Form) => new URLSearchParams(form).toString();

describe("an inbound SMS", () => {
  test("is a message of a person with a phone number, and is answered with an empty Response", async () => {
    const { tenant, sms, from } = await withSms();
    const body = formOf({ MessageSid: freshSid("SM"), From: from, To: sms.account_id, Body: "Ahoy + öäü 👋", NumMedia: "0" });
    const answers = [await sms.post("sms", body), await sms.post("sms", body)];
    for (const { status, headers, body: answer } of answers) {
      expect([status, headers.get("content-type"), answer]).toEqual([200, "text/xml; charset=utf-8", "<Response/>"]);
    }
    expect(await countsOf(tenant)).toEqual({ contacts: 1, conversations: 1, messages: 1, events: 1, provider_events: 1 });
    expect(await rowsOf(tenant, messages)).toMatchObject([
      { direction: "inbound", status: "received", content: { type: "text", text: "Ahoy + öäü 👋" }, channel: "twilio_sms" },
    ]);
  });

  test("with files is a message for each, the text with the first", async () => {
    const { tenant, sms, from } = await withSms();
    const sid = freshSid("MM");
    await sms.hears("Look", from, {
      MessageSid: sid,
      NumMedia: "2",
      MediaUrl0: "https://api.twilio.com/a",
      MediaContentType0: "image/jpeg",
      MediaUrl1: "https://api.twilio.com/b",
      MediaContentType1: "text/x-vcard",
    });
    const rows = (await rowsOf(tenant, messages)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(rows.map(({ external_id, content }) => [external_id, content])).toEqual([
      [sid, { type: "media", media_type: "image", url: "https://api.twilio.com/a", caption: "Look" }],
      [`${sid}/1`, { type: "media", media_type: "document", url: "https://api.twilio.com/b", caption: null }],
    ]);
  });
});

describe("a callback is refused and leaves nothing behind", () => {
  test.each<[string, (body: string) => Record<string, string>]>([
    ["without a signature", () => ({})],
    ["with an empty signature", () => ({ "X-Twilio-Signature": "" })],
    ["signed for no URL", (body) => ({ "X-Twilio-Signature": createHmac("sha1", auth_token).update(body).digest("base64") })],
  ])("%s", async (_, headers) => {
    const { tenant, sms, from } = await withSms();
    const body = formOf({ MessageSid: freshSid("SM"), From: from, Body: "Hello" });
    const { status, body: problem } = await sms.post("sms", body, headers(body));
    expect(status).toBe(401);
    expect(problem).toMatchObject({ code: "unauthorized" });
    expect(await countsOf(tenant)).toEqual(nothing);
  });

  test("signed with another token, over another form, for another hook, or for what a proxy shows", async () => {
    const { world, tenant, sms, from } = await withSms();
    const body = formOf({ MessageSid: freshSid("SM"), From: from, Body: "Hello" });
    const refused = [
      await sms.post("sms", body, sms.signed("sms", body, "another token")),
      await sms.post("sms", `${body}&Body=More`, sms.signed("sms", body)),
      await sms.post("sms", body, sms.signed("status", body)),
      await sms.post("sms?message_id=msg_1", body, sms.signed("sms", body)),
    ];
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(await countsOf(tenant)).toEqual(nothing);

    const { status } = await world.request(`http://10.0.0.7:8080/hooks/twilio/${sms.channel_id}/sms`, {
      method: "POST",
      body,
      headers: { "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", ...sms.signed("sms", body) },
    });
    expect(status).toBe(200);
  });

  test.each(["", "voice", "recording", "transcription", "SMS", "constructor"])("at the hook %j, which is not of SMS", async (hook) => {
    const { tenant, sms } = await withSms();
    const { status, body } = await sms.post(hook, "MessageSid=SM1&From=%2B15550001111&Body=Hi");
    expect([status, (body as { code: string }).code]).toEqual([404, "not_found"]);
    expect(await countsOf(tenant)).toEqual(nothing);
  });

  test("where it has more than 4 MiB; one of 3 MB is taken in, and cut", async () => {
    const { tenant, sms, from } = await withSms();
    const filled = (bytes: number) => formOf({ MessageSid: freshSid("SM"), From: from, Body: "x".repeat(bytes) });
    expect((await sms.post("sms", filled(4 * 1024 * 1024))).status).toBe(413);
    expect(await countsOf(tenant)).toEqual(nothing);
    expect((await sms.post("sms", filled(3_000_000))).status).toBe(200);
    expect((await rowsOf(tenant, messages)).map(({ content }) => content.type === "text" && content.text.length)).toEqual([4096]);
  });
});

test.each([
  ["is empty", ""],
  ["is no form", "%%%&&=&=="],
  ["is JSON", `{"MessageSid":7}`],
  ["names nobody", "MessageSid=SM1&From=AMAZON&Body=Hi"],
  ["has an id that is none", `MessageSid=${"x".repeat(5000)}&From=%2B15550001111&Body=Hi`],
  ["tells of a state nobody knows", "MessageSid=SM1&MessageStatus=teleported"],
])("a signed callback that %s is taken in once and of no effect", async (_, body) => {
  const { tenant, sms } = await withSms();
  const answers = [await sms.post("sms", body), await sms.post("sms", body)];
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(await countsOf(tenant)).toEqual({ ...nothing, provider_events: 1 });
  expect(await rowsOf(tenant, provider_events)).toMatchObject([{ outcome: "ignored" }]);
});

test("JSON is believed by the hash that its signed URL carries", async () => {
  const { tenant, sms, from } = await withSms();
  const body = JSON.stringify({ MessageSid: freshSid("SM"), From: from, Body: "Hello" });
  const hook = `sms?bodySHA256=${createHash("sha256").update(body).digest("hex")}`;
  expect((await sms.post(hook, `${body} `, sms.signed(hook, ""))).status).toBe(401);
  expect(await countsOf(tenant)).toEqual(nothing);
  expect((await sms.post(hook, body, sms.signed(hook, ""))).status).toBe(200);
  expect(await countsOf(tenant)).toMatchObject({ messages: 1 });
});

describe("an outbound SMS", () => {
  test("asks Twilio by form and Basic auth, and names our message in its StatusCallback", async () => {
    const { twin, world, tenant, sms, from, send } = await withSms();
    const { status, body } = await send("On its way & more");
    expect(status).toBe(201);
    await world.sendQueued();
    expect(twin.asked.map(({ path, form }) => [path, [...form]])).toEqual([
      [
        `/2010-04-01/Accounts/${twin.account_sid}/Messages.json`,
        [
          ["To", from],
          ["From", sms.account_id],
          ["StatusCallback", `https://api.wassla.test/hooks/twilio/${sms.channel_id}/status?message_id=${body.id}`],
          ["Body", "On its way & more"],
        ],
      ],
    ]);
    expect(twin.asked[0]!.headers).toMatchObject({
      authorization: `Basic ${Buffer.from(`${twin.account_sid}:${auth_token}`).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
      "user-agent": "Wassla/1.0.0",
    });
    expect(await rowsOf(tenant, messages)).toMatchObject([{ status: "sent", error: null, attempts: 1 }]);
  });

  test("by a messaging service names that instead of a number, and carries files by their address", async () => {
    const { twin, world, send } = await withSms({ messaging_service_sid: "MG7" });
    await send("", { content: { type: "media", media_type: "image", url: "https://files.example/a.png", caption: "Look" } });
    await world.sendQueued();
    const { form } = twin.asked[0]!;
    expect([form.get("MessagingServiceSid"), form.get("From"), form.getAll("MediaUrl"), form.get("Body")]).toEqual([
      "MG7",
      null,
      ["https://files.example/a.png"],
      "Look",
    ]);
  });

  test("that Twilio took before the line broke is never sent twice; the status callback settles it", async () => {
    const { twin, world, tenant, sms, send } = await withSms();
    twin.answer = (response) => response.destroy();
    const { body } = await send("Once");
    await world.sendQueued();
    world.advance(3_600_000);
    await world.sendQueued();
    expect(twin.asked).toHaveLength(1);
    expect(await rowsOf(tenant, messages)).toMatchObject([{ status: "unknown", external_id: null }]);

    const sid = freshSid("SM");
    for (const status of ["delivered", "sent"])
      await sms.tell(`status?message_id=${body.id}`, { MessageSid: sid, MessageStatus: status, SmsStatus: status });
    expect(await rowsOf(tenant, messages)).toMatchObject([{ status: "delivered", external_id: sid, error: null }]);
  });

  test("that was refused for haste waits, and goes out once", async () => {
    const { twin, world, tenant, send } = await withSms();
    twin.answer = refusing(429, 20429, { "retry-after": "7" });
    await send("Slowly");
    await world.sendQueued();
    expect(await rowsOf(tenant, messages)).toMatchObject([
      { status: "scheduled", error: { code: "provider_rate_limited", provider_code: "20429" } },
    ]);
    twin.answer = accepting();
    world.advance(6_000);
    await world.sendQueued();
    expect(twin.asked).toHaveLength(1);
    world.advance(60_000);
    await world.sendQueued();
    expect(twin.asked).toHaveLength(2);
    expect(await rowsOf(tenant, messages)).toMatchObject([{ status: "sent", error: null }]);
  });

  test("fails with the reason of a later callback, and a report of the past does not move it back", async () => {
    const { twin, world, tenant, sms, send } = await withSms();
    const sid = freshSid("SM");
    twin.answer = accepting(sid);
    await send("Hello");
    await world.sendQueued();
    await sms.tell("status", { MessageSid: sid, MessageStatus: "undelivered", ErrorCode: "30005" });
    await sms.tell("status", { MessageSid: sid, MessageStatus: "sent" });
    expect(await rowsOf(tenant, messages)).toMatchObject([
      { status: "failed", error: { code: "recipient_unreachable", detail: "Twilio's error 30005", provider_code: "30005" } },
    ]);
  });

  test("breaks the channel where Twilio does not know us", async () => {
    const { twin, world, tenant, send } = await withSms();
    twin.answer = refusing(401, 20003);
    await send("Hello");
    await world.sendQueued();
    expect(await rowsOf(tenant, messages)).toMatchObject([
      { status: "failed", error: { code: "channel_auth_failed", provider_code: "20003" } },
    ]);
  });

  test.each([
    ["text over 1600 characters", { content: { type: "text", text: "x".repeat(1601) } }, 400, "validation_failed"],
    ["a number that is not in E.164", { to: { kind: "phone", value: "0151 000" } }, 400, "validation_failed"],
    ["somebody of another channel", { to: { kind: "page_user", value: "7" } }, 422, "recipient_unreachable"],
  ])("is refused with %s, and nothing is made", async (_, given, status, code) => {
    const { twin, world, tenant, send } = await withSms();
    const refused = await send("x", given);
    expect([refused.status, refused.body.code]).toEqual([status, code]);
    await world.sendQueued();
    expect(twin.asked).toEqual([]);
    expect(await countsOf(tenant)).toEqual(nothing);
  });
});

describe("who asked for no more messages", () => {
  test.each<[string, Form]>([
    ["STOP", {}],
    [" stop ", {}],
    ["Unsubscribe", {}],
    ["Basta", { OptOutType: "STOP" }],
  ])("by %j %j is sent none, neither new nor again, until they write START", async (word, more) => {
    const { world, tenant, sms, from, send } = await withSms();
    const { id } = await sms.hears("Hello", from);
    const waiting = await send("Waits for its turn");
    await sms.hears(word, from, more);

    const refused = [
      await send("More"),
      await tenant.post<{ code: string }>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "More" } }),
    ];
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual([
      [422, "recipient_opted_out"],
      [422, "recipient_opted_out"],
    ]);
    await world.sendQueued();
    expect((await tenant.get(`/v1/messages/${waiting.body.id}`)).body).toMatchObject({
      status: "failed",
      error: { code: "recipient_opted_out" },
    });
    expect((await tenant.post<{ code: string }>(`/v1/messages/${waiting.body.id}/retry`)).body.code).toBe("recipient_opted_out");

    await sms.hears("start", from);
    expect((await tenant.post(`/v1/messages/${waiting.body.id}/retry`)).status).toBe(202);
    await world.sendQueued();
    expect((await tenant.get(`/v1/messages/${waiting.body.id}`)).body).toMatchObject({ status: "sent" });
  });

  test("is somebody who wrote the word alone", async () => {
    const { sms, from, send } = await withSms();
    await sms.hears("Please stop by tomorrow", from);
    await sms.hears("STOP", from, { OptOutType: "HELP" });
    expect((await send("Gladly")).status).toBe(201);
  });

  test("asked it of one channel, not of another", async () => {
    const { world, tenant, sms, from } = await withSms();
    const other = await createTwilio(world, tenant, "twilio_sms");
    await sms.hears("STOP", from);
    const { status } = await tenant.post("/v1/messages", {
      channel_id: other.channel_id,
      to: { kind: "phone", value: from },
      content: { type: "text", text: "Hello" },
    });
    expect(status).toBe(201);
  });
});

const forms = () => [...recorded("twilio-sms/inbound"), ...recorded("twilio-sms/status")].filter(({ raw }) => raw[0] !== 0x7b);

recordedTest("every recorded form is taken in once, however often it is told and in whatever order", async () => {
  const told = forms();
  expect(told.length).toBeGreaterThanOrEqual(5);
  const states = [];
  for (const order of [told, told.toReversed()])
    states.push(await stateAfter(order.map(({ raw }) => new TextDecoder().decode(raw).trim())));
  expect(states[0]).toEqual(states[1]);
  expect(states[0]).toMatchObject({ counts: { messages: 1, provider_events: told.length } });
});

async function stateAfter(bodies: string[]) {
  const world: World = await createWorld();
  const tenant = await world.tenant();
  const sms = await createTwilio(world, tenant, "twilio_sms");
  for (const body of [...bodies, ...bodies]) expect(await sms.tell("sms", body)).toBe("<Response/>");
  const events = (await rowsOf(tenant, provider_events)).map(({ dedupe_key, outcome }) => `${dedupe_key} ${outcome}`);
  return {
    counts: await countsOf(tenant),
    events: events.toSorted(),
    said: (await rowsOf(tenant, messages)).map(({ content, external_id }) => [content, external_id]),
  };
}
