import VoiceResponse from "twilio/lib/twiml/VoiceResponse.js";
import { describe, expect, test } from "vitest";
import { provider_events } from "../../src/channels/tables.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { messages } from "../../src/messages/tables.ts";
import { freshNumber } from "../support/channels.ts";
import { onPostgres } from "../support/database.ts";
import { recorded, recordedTest } from "../support/payloads.ts";
import { countsOf, eventsOf, rowsOf } from "../support/rows.ts";
import { createTwilio, createTwilioTwin, answeringJson, freshSid, refusing, type Form } from "../support/twilio.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withVoice(given: Form = {}) {
  const twin = await createTwilioTwin();
  const world = await createWorld({ settings: { twilio_api_url: twin.url } });
  const tenant = await world.tenant();
  const voice = await createTwilio(world, tenant, "twilio_voice", { account_sid: twin.account_sid, ...given });
  const [CallSid, From] = [freshSid("CA"), `+${freshNumber()}`];
  const call = { CallSid, From, To: voice.account_id, Direction: "inbound" };
  twin.answer = answeringJson(200, { sid: CallSid, status: "in-progress" });
  return {
    twin,
    world,
    tenant,
    voice,
    call,
    rings: () => voice.tell("voice", { ...call, CallStatus: "ringing" }),
    says: (text: string, turn = "call-1") =>
      voice.tell(`voice?turn=${turn}&silent=0`, { ...call, CallStatus: "in-progress", SpeechResult: text, Confidence: "0.9" }),
    ends: (CallStatus = "completed", more: Form = {}) =>
      voice.tell("status", { ...call, CallStatus, CallDuration: "42", SequenceNumber: "3", ...more }),
    speak: (text: string) =>
      tenant.post<{ id: string; code?: string }>("/v1/messages", {
        channel_id: voice.channel_id,
        to: { kind: "phone", value: From },
        content: { type: "text", text },
      }),
  };
}

/** What a workspace has of calls, without what differs from one run to the next. */
async function saidIn(tenant: Tenant) {
  const rows = await rowsOf(tenant, messages);
  return rows
    .map(({ content, direction, sender, external_id, status }) => ({ content, direction, by: sender.type, external_id, status }))
    .toSorted((a, b) => ((a.external_id ?? "") < (b.external_id ?? "") ? -1 : 1));
}

/** As Twilio's own builder writes it, without the prologue that ours leaves out. */
const written = (response: VoiceResponse): string => response.toString().replace(/^<\?xml[^>]*\?>/, "");

describe("what a caller hears", () => {
  test("is a greeting, and then somebody who listens, in the words of Twilio's own builder", async () => {
    const { voice, rings } = await withVoice({ greeting: `Fish & chips <"today"> 👋`, language: "en-GB" });
    const expected = new VoiceResponse();
    expected.say({ language: "en-GB" }, `Fish & chips <"today"> 👋`);
    expected.gather({
      input: ["speech"],
      action: `https://api.wassla.test/hooks/twilio/${voice.channel_id}/voice?turn=call-1&silent=0`,
      method: "POST",
      language: "en-GB",
      timeout: 10,
      speechTimeout: "auto",
      actionOnEmptyResult: true,
    });
    expect(await rings()).toBe(written(expected));
  });

  test("after each turn is silence that listens, until nobody has spoken for a minute", async () => {
    const { voice, call, says } = await withVoice();
    expect(await says("Hello")).toContain("voice?turn=call-2&amp;silent=0");
    const silent = (times: number) =>
      voice.tell(`voice?turn=call-${times + 2}&silent=${times}`, { ...call, CallStatus: "in-progress", SpeechResult: "" });
    expect(await silent(0)).toContain("turn=call-3&amp;silent=1");
    expect(await silent(5)).toBe("<Response><Hangup/></Response>");
  });

  test("on a line with voicemail is a tone, and what they say is recorded and transcribed", async () => {
    const { voice, call, rings, tenant } = await withVoice({ inbound_mode: "voicemail" });
    const hook = `https://api.wassla.test/hooks/twilio/${voice.channel_id}`;
    const expected = new VoiceResponse();
    expected.say("Please leave a message after the tone.");
    expected.start().transcription({ statusCallbackUrl: `${hook}/transcription`, track: "inbound_track" });
    expected.record({
      action: `${hook}/voice?turn=call-1`,
      method: "POST",
      maxLength: 300,
      playBeep: true,
      recordingStatusCallback: `${hook}/recording`,
      recordingStatusCallbackEvent: ["completed"],
    });
    expected.hangup();
    expect(await rings()).toBe(written(expected));

    const recording = { RecordingSid: freshSid("RE"), RecordingUrl: "https://api.twilio.com/r", RecordingDuration: "12" };
    expect(await voice.tell("voice?turn=call-1", { ...call, CallStatus: "in-progress", ...recording })).toBe(
      "<Response><Hangup/></Response>",
    );
    await voice.tell("recording", { CallSid: call.CallSid, RecordingStatus: "completed", ...recording });
    expect((await saidIn(tenant)).filter(({ content }) => content.type === "recording")).toMatchObject([
      { content: { url: "https://api.twilio.com/r", duration_seconds: 12 }, external_id: recording.RecordingSid },
    ]);
  });
});

describe("a call", () => {
  test("is one conversation, in which one message tells how it fares", async () => {
    const { tenant, voice, call, rings, says, ends } = await withVoice();
    await rings();
    await rings();
    await says("My parcel is late");
    await says("My parcel is late");
    await says("Hello?", "call-2");
    await ends();
    const [conversation, ...others] = await voice.conversations();
    expect(others).toEqual([]);
    expect(conversation).toMatchObject({ status: "ended", closed_by: "contact", message_count: 3, channel: "twilio_voice" });
    expect(await saidIn(tenant)).toEqual([
      {
        content: { type: "call", state: "completed", duration_seconds: 42 },
        direction: "inbound",
        by: "contact",
        external_id: call.CallSid,
        status: "received",
      },
      {
        content: { type: "text", text: "My parcel is late" },
        direction: "inbound",
        by: "contact",
        external_id: `${call.CallSid}/call-1`,
        status: "received",
      },
      {
        content: { type: "text", text: "Hello?" },
        direction: "inbound",
        by: "contact",
        external_id: `${call.CallSid}/call-2`,
        status: "received",
      },
    ]);
    expect((await eventsOf(tenant)).map(({ type }) => type)).toEqual(["new_message", "new_message", "new_message", "conversation_end"]);
  });

  test("that is over stays over, whatever is told of it afterwards", async () => {
    const { tenant, voice, rings, says, ends } = await withVoice();
    await rings();
    await ends("no-answer", { SequenceNumber: "1" });
    await ends("completed", { SequenceNumber: "2", CallDuration: "7" });
    await rings();
    await says("Are you there?");
    expect(await voice.conversations()).toMatchObject([{ status: "ended", message_count: 2 }]);
    expect((await saidIn(tenant))[0]).toMatchObject({ content: { state: "no_answer", duration_seconds: 42 } });
    expect((await eventsOf(tenant)).filter(({ type }) => type === "conversation_end")).toHaveLength(1);
  });

  test("of the same person later is another conversation", async () => {
    const { voice, call, rings, ends } = await withVoice();
    await rings();
    await voice.tell("voice", { ...call, CallSid: freshSid("CA"), CallStatus: "ringing" });
    await ends();
    expect((await voice.conversations()).map(({ status }) => status)).toEqual(["open", "ended"]);
  });

  test("that the team closed before it ended stays as they closed it", async () => {
    const { tenant, voice, rings, ends, speak } = await withVoice();
    await rings();
    const { id } = (await voice.conversations())[0]!;
    await tenant.post(`/v1/conversations/${id}/close`);
    await ends();
    expect(await rowsOf(tenant, conversations)).toMatchObject([{ status: "resolved", closed_by: "api" }]);
    await tenant.post(`/v1/conversations/${id}/reopen`);
    expect((await speak("Too late")).body.code).toBe("call_not_active");
  });

  test.each(["anonymous", "+266696687", "sip:lea@example.com"])("of somebody who calls as %s is a stranger's", async (From) => {
    const { tenant, voice, call } = await withVoice();
    for (const CallSid of [call.CallSid, freshSid("CA")]) await voice.tell("voice", { ...call, CallSid, From, CallStatus: "ringing" });
    expect(await countsOf(tenant)).toMatchObject({ contacts: 2, conversations: 2 });
  });

  test("told in any order leaves the same behind", async () => {
    const { call: shape } = await withVoice();
    const { CallSid } = shape;
    const told: [string, Form][] = [
      ["voice", { ...shape, From: "+4915110000007", CallStatus: "ringing" }],
      ["status", { CallSid, CallStatus: "completed", CallDuration: "42", SequenceNumber: "3" }],
      ["recording", { CallSid, RecordingSid: "RE1", RecordingUrl: "https://api.twilio.com/r", RecordingDuration: "12" }],
      ["transcription", segment(CallSid, "1", "Hello", "inbound_track")],
      ["transcription", segment(CallSid, "2", "Good morning", "outbound_track")],
    ];
    const turns = told.map((_, i) => [...told.slice(i), ...told.slice(0, i)]);
    const states = [];
    for (const order of [...turns, told.toReversed()]) {
      const { tenant, voice } = await withVoice();
      for (const [hook, form] of [...order, ...order]) await voice.tell(hook, form);
      const [conversation] = await voice.conversations();
      states.push([await saidIn(tenant), conversation?.status, conversation?.message_count]);
    }
    expect(states[0]?.slice(1)).toEqual(["ended", 4]);
    for (const state of states) expect(state).toEqual(states[0]);
  });
});

test.skipIf(!onPostgres())("a call of which everything is told at one moment is one conversation", async () => {
  const { tenant, voice, call } = await withVoice();
  const { CallSid } = call;
  const told: [string, Form][] = [
    ["voice", { ...call, CallStatus: "ringing" }],
    ["status", { ...call, CallStatus: "completed", CallDuration: "42", SequenceNumber: "3" }],
    ["recording", { CallSid, RecordingSid: "RE1", RecordingUrl: "https://api.twilio.com/r", RecordingDuration: "12" }],
    ["transcription", segment(CallSid, "1", "Hello", "inbound_track")],
    ["transcription", segment(CallSid, "2", "Good morning", "outbound_track")],
  ];
  await Promise.all([...told, ...told].map(([hook, form]) => voice.tell(hook, form)));
  expect(await voice.conversations()).toMatchObject([{ status: "ended", message_count: 4 }]);
  expect(await countsOf(tenant)).toEqual({ contacts: 1, conversations: 1, messages: 4, events: 5, provider_events: 5 });
});

const segment = (CallSid: string, SequenceId: string, transcript: string, Track: string): Form => ({
  CallSid,
  TranscriptionSid: "GT1",
  TranscriptionEvent: "transcription-content",
  TranscriptionData: JSON.stringify({ transcript, confidence: 0.9 }),
  Final: "true",
  Track,
  SequenceId,
});

test("of a transcription only what is final is said, by whom the track tells", async () => {
  const { tenant, voice, call, rings } = await withVoice();
  await rings();
  await voice.tell("transcription", { ...segment(call.CallSid, "1", "Hel", "inbound_track"), Final: "false" });
  await voice.tell("transcription", segment(call.CallSid, "2", "Hello", "inbound_track"));
  await voice.tell("transcription", segment(call.CallSid, "3", "Good morning", "outbound_track"));
  await voice.tell("transcription", {
    CallSid: call.CallSid,
    TranscriptionSid: "GT1",
    TranscriptionEvent: "transcription-stopped",
    SequenceId: "4",
  });
  const said = (await saidIn(tenant)).filter(({ content }) => content.type === "text");
  expect(said.map(({ content, direction, by, external_id }) => [content, direction, by, external_id])).toEqual([
    [{ type: "text", text: "Hello" }, "inbound", "contact", "GT1+2"],
    [{ type: "text", text: "Good morning" }, "outbound", "system", "GT1+3"],
  ]);
});

describe("what is written to a caller", () => {
  test("is spoken into the running call, which goes on listening", async () => {
    const { twin, world, tenant, voice, call, rings, speak } = await withVoice();
    await rings();
    const { status, body } = await speak("We are <looking> & will call");
    expect(status).toBe(201);
    await world.sendQueued();
    const expected = new VoiceResponse();
    expected.say("We are <looking> & will call");
    expected.gather({
      input: ["speech"],
      action: `https://api.wassla.test/hooks/twilio/${voice.channel_id}/voice?turn=${body.id}-1&silent=0`,
      method: "POST",
      timeout: 10,
      speechTimeout: "auto",
      actionOnEmptyResult: true,
    });
    expect(twin.asked.map(({ path, form }) => [path, [...form]])).toEqual([
      [`/2010-04-01/Accounts/${twin.account_sid}/Calls/${call.CallSid}.json`, [["Twiml", written(expected)]]],
    ]);
    expect((await tenant.get(`/v1/messages/${body.id}`)).body).toMatchObject({ status: "sent", error: null });
  });

  test("where no call runs is refused, and nothing is made", async () => {
    const { twin, world, tenant, voice, rings, ends, speak } = await withVoice();
    expect(await speak("Hello?")).toMatchObject({ status: 409, body: { code: "call_not_active" } });
    expect(await countsOf(tenant)).toMatchObject({ contacts: 0, conversations: 0, messages: 0 });
    await rings();
    await ends();
    const { id } = (await voice.conversations())[0]!;
    const before = await countsOf(tenant);
    expect(await speak("Hello?")).toMatchObject({ status: 409, body: { code: "call_not_active" } });
    const there = await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Hello?" } });
    expect(there).toMatchObject({ status: 409, body: { code: "call_not_active" } });
    await world.sendQueued();
    expect(twin.asked).toEqual([]);
    expect(await countsOf(tenant)).toEqual(before);
  });

  test("fails where the call ends before it could be said", async () => {
    const { twin, world, tenant, rings, ends, speak } = await withVoice();
    await rings();
    const [first, second] = [await speak("One"), await speak("Two")];
    twin.answer = refusing(400, 21220);
    await world.sendQueued();
    await ends();
    expect((await tenant.get(`/v1/messages/${first.body.id}`)).body).toMatchObject({
      status: "failed",
      error: { code: "recipient_unreachable", provider_code: "21220" },
    });
    expect((await tenant.post<{ code: string }>(`/v1/messages/${second.body.id}/retry`)).body.code).toBe("call_not_active");
  });

  test("is not even asked for once the call is over", async () => {
    const { twin, world, tenant, rings, ends, speak } = await withVoice();
    await rings();
    const { body } = await speak("One moment");
    await ends();
    await world.sendQueued();
    expect(twin.asked).toEqual([]);
    expect((await tenant.get(`/v1/messages/${body.id}`)).body).toMatchObject({
      status: "failed",
      error: { code: "recipient_unreachable" },
    });
  });
});

recordedTest("every recorded form is taken in once, however often it is told and in whatever order", async () => {
  const told = [...recorded("twilio-voice/inbound"), ...recorded("twilio-voice/status")].map(({ raw }) =>
    new TextDecoder().decode(raw).trim(),
  );
  expect(told.length).toBeGreaterThanOrEqual(7);
  const states = [];
  for (const order of [told, told.toReversed(), [...told.slice(3), ...told.slice(0, 3)]]) {
    const world = await createWorld();
    const tenant = await world.tenant();
    const voice = await createTwilio(world, tenant, "twilio_voice");
    for (const body of [...order, ...order]) expect(await voice.tell("status", body)).toBe("<Response/>");
    const events = (await rowsOf(tenant, provider_events)).map(({ dedupe_key, kind }) => `${kind} ${dedupe_key}`);
    states.push([await countsOf(tenant), await saidIn(tenant), events.toSorted()]);
  }
  expect(states[1]).toEqual(states[0]);
  expect(states[2]).toEqual(states[0]);
  expect(states[0]?.[0]).toMatchObject({ conversations: 2, messages: 4 });
});
