import { z } from "zod";
import type { Timestamp } from "../../core/time.ts";
import { longest_text } from "../capabilities.ts";
import type { CallState, Content, Identity } from "../contract.ts";
import { idOfForm, mayBeLeftOut, secretField } from "./fields.ts";
import {
  refused,
  type CallPart,
  type Credentials,
  type HookAnswer,
  type HookRequest,
  type InboundEvent,
  type Outbound,
  type Provider,
  type SendOutcome,
  type World,
} from "./provider.ts";
import { cut, hashOf, readCallback, readJson, textAt, timeAt } from "./read.ts";
import {
  accountCredentials,
  has,
  inQuery,
  phoneNumber,
  postForm,
  probe,
  readForm,
  secondsAt,
  sidAt,
  verify,
  webAddress,
} from "./twilio.ts";
import { answering, twiml, verb, type Verb } from "./twiml.ts";

/**
 * Calls by Twilio: a caller is listened to turn by turn (`gather`), or leaves a message (`voicemail`). Dedupe keys:
 * news of a call `CallSid+SequenceNumber`, what was said `CallSid/turn` or `TranscriptionSid+SequenceId`, a recording
 * its RecordingSid. Forwarding, conferences, softphones and ConversationRelay are not served.
 */
export const twilioVoice: Provider = {
  account: phoneNumber("The number of the account that is called, in E.164."),
  credentials: z.strictObject({
    ...accountCredentials,
    inbound_mode: mayBeLeftOut(
      z.enum(["gather", "voicemail"]).meta({
        description: "`gather`, which is the default: the caller is listened to turn by turn; `voicemail`: they leave a message.",
      }),
    ),
    greeting: mayBeLeftOut(secretField("What a caller hears first.", 500)),
    language: mayBeLeftOut(idOfForm(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, "Which language is spoken and understood (BCP 47).", "en-US")),
  }),
  reaches: ["phone"],
  door: "twilio",
  hooks: ["voice", "status", "recording", "transcription"],
  entered_hooks: ["voice", "status"],
  handshake: () => undefined,
  verify,
  parse: (raw, received_at, url) => readCallback(raw, received_at, (form) => eventsOf(form, raw, received_at, url), readForm),
  answer,
  send,
  probe,
};

// Inbound

interface Told {
  call_id: string;
  form: unknown;
  common: Pick<InboundEvent, "account_id" | "occurred_at" | "raw">;
  /** What a callback is known by that has no number of its own. */
  hash: string;
}

function eventsOf(form: unknown, raw: Uint8Array, received_at: Timestamp, url: string | undefined): InboundEvent[] {
  const call_id = sidAt(form, "CallSid");
  if (call_id === null) return [];
  const common = { account_id: null, occurred_at: timeAt(received_at, form, "Timestamp"), raw: form };
  const told: Told = { call_id, form, common, hash: hashOf(raw).slice(0, 32) };
  return [callEvent(told), speechEvent(told, inQuery(url, "turn")), transcriptEvent(told), recordingEvent(told)].filter(
    (event) => event !== null,
  );
}

const states = new Map<string, CallState>([
  ["in-progress", "in_progress"],
  ["answered", "in_progress"],
  ["completed", "completed"],
  ["busy", "busy"],
  ["no-answer", "no_answer"],
  ["canceled", "canceled"],
  ["failed", "failed"],
]);

/** News that names nobody is not that which does: the call can begin with one of them only. */
function callEvent({ call_id, form, common }: Told): InboundEvent | null {
  const said = textAt(form, "CallStatus");
  const direction = textAt(form, "Direction")?.startsWith("outbound") ? "outbound" : "inbound";
  const people = peopleOf(form, direction, call_id);
  const is_speaking = has(form, "SpeechResult");
  if (said === null && people.length === 0) return null;
  const state = states.get(said ?? "") ?? (is_speaking ? "in_progress" : "ringing");
  const sequence = secondsAt(form, "SequenceNumber") ?? state;
  return {
    kind: "call",
    ...common,
    dedupe_key: `${call_id}+${sequence}${people.length === 0 ? "+nobody" : ""}`,
    external_id: call_id,
    direction,
    people,
    state,
    duration_seconds: secondsAt(form, "CallDuration"),
  };
}

/** What Twilio sends in place of a number that the caller hides. https://help.twilio.com/articles/223179988 */
const hidden_numbers = new Set(["+7378742883", "+2562533", "+8566696", "+266696687", "+86282452253"]);

/** Somebody without a number is a stranger, in each call another. */
function peopleOf(form: unknown, direction: "inbound" | "outbound", call_id: string): Identity[] {
  const address =
    direction === "inbound" ? (textAt(form, "From") ?? textAt(form, "Caller")) : (textAt(form, "To") ?? textAt(form, "Called"));
  if (address === null) return [];
  const digits = hidden_numbers.has(address) ? undefined : /^\+?(\d{5,15})$/.exec(address)?.[1];
  return [digits ? { kind: "phone", value: digits } : { kind: "visitor", value: call_id }];
}

/** What a `<Gather>` understood. */
function speechEvent(told: Told, turn: string | null): InboundEvent | null {
  const text = textAt(told.form, "SpeechResult");
  if (text === null) return null;
  const known_turn = turn !== null && /^[\w-]{1,60}$/.test(turn) ? turn : told.hash;
  return partEvent(told, `${told.call_id}/${known_turn}`, "inbound", { type: "text", text: cut(text, longest_text) });
}

/** A segment of a real-time transcription, or the text of a recording. */
function transcriptEvent(told: Told): InboundEvent | null {
  const { form } = told;
  const sid = sidAt(form, "TranscriptionSid");
  const event = textAt(form, "TranscriptionEvent");
  if (sid === null || (event === null && !has(form, "TranscriptionText"))) return null;
  const sequence = secondsAt(form, "SequenceId");
  const part_id = event === null ? sid : `${sid}+${sequence ?? told.hash}`;
  const text = event === null ? textAt(form, "TranscriptionText") : transcriptOf(form);
  if (text === null) return ignored(told, part_id, `${cut(event ?? "a transcription", 60)}: without anything final`);
  const direction = textAt(form, "Track") === "outbound_track" ? "outbound" : "inbound";
  return partEvent(told, part_id, direction, { type: "text", text: cut(text, longest_text) });
}

/** Null of what may still be understood otherwise. */
function transcriptOf(form: unknown): string | null {
  if (textAt(form, "TranscriptionEvent") !== "transcription-content" || textAt(form, "Final") === "false") return null;
  return textAt(readJson(textAt(form, "TranscriptionData") ?? ""), "transcript");
}

function recordingEvent(told: Told): InboundEvent | null {
  const { form } = told;
  const part_id = sidAt(form, "RecordingSid");
  if (part_id === null || has(form, "TranscriptionSid")) return null;
  const status = textAt(form, "RecordingStatus") ?? "completed";
  if (status !== "completed") return ignored(told, `${part_id}+${cut(status, 40)}`, `the recording is ${cut(status, 40)}`);
  return partEvent(told, part_id, "inbound", {
    type: "recording",
    url: webAddress(textAt(form, "RecordingUrl")),
    duration_seconds: secondsAt(form, "RecordingDuration"),
  });
}

const partEvent = ({ call_id, common }: Told, part_id: string, direction: CallPart["direction"], content: Content): InboundEvent => ({
  kind: "call_part",
  ...common,
  dedupe_key: part_id,
  external_id: call_id,
  part_id,
  direction,
  content,
});

const ignored = ({ common }: Told, dedupe_key: string, why: string): InboundEvent => ({ kind: "ignored", ...common, dedupe_key, why });

// What the caller hears

/** After so many turns without a word, a minute in all, nobody is there. */
const most_silent_turns = 6;

function answer(request: HookRequest, credentials: Credentials): HookAnswer {
  const form = readForm(new TextDecoder().decode(request.raw));
  const hook = new URL(request.url);
  if (!hook.pathname.endsWith("/voice")) return answering();
  const state = states.get(textAt(form, "CallStatus") ?? "in-progress");
  if (has(form, "RecordingSid") || (state !== undefined && state !== "in_progress")) return answering(verb("Hangup"));

  const turn = /^(.{1,50}-)(\d{1,6})$/.exec(hook.searchParams.get("turn") ?? "");
  if (!turn) return answering(say(greetingOf(credentials), credentials), ...listen(request.url, "call-1", 0, credentials));
  const silent_turns = textAt(form, "SpeechResult") === null ? Number(hook.searchParams.get("silent") ?? 0) + 1 : 0;
  if (!(silent_turns < most_silent_turns)) return answering(verb("Hangup"));
  return answering(...listen(request.url, `${turn[1]}${Number(turn[2]) + 1}`, silent_turns, credentials));
}

const isVoicemail = (credentials: Credentials): boolean => credentials["inbound_mode"] === "voicemail";

const greetingOf = (credentials: Credentials): string =>
  credentials["greeting"] || (isVoicemail(credentials) ? "Please leave a message after the tone." : "Hello. How can we help you?");

const say = (text: string, credentials: Credentials): Verb => verb("Say", { language: credentials["language"] || undefined }, { text });

/** Goes on listening, at the hook whose URL is given. What was heard in which turn is told in the URL it comes to. */
function listen(hook_url: string, turn: string, silent_turns: number, credentials: Credentials): Verb[] {
  const language = credentials["language"] || undefined;
  const hook = (end: string) => new URL(end, hook_url).href;
  if (!isVoicemail(credentials)) {
    const action = hook(`voice?turn=${turn}&silent=${silent_turns}`);
    const patience = { timeout: 10, speechTimeout: "auto", actionOnEmptyResult: true };
    return [verb("Gather", { input: "speech", action, method: "POST", language, ...patience })];
  }
  return [
    verb("Start", {}, [
      verb("Transcription", { statusCallbackUrl: hook("transcription"), track: "inbound_track", languageCode: language }),
    ]),
    verb("Record", {
      action: hook(`voice?turn=${turn}`),
      method: "POST",
      maxLength: 300,
      playBeep: true,
      recordingStatusCallback: hook("recording"),
      recordingStatusCallbackEvent: "completed",
    }),
    verb("Hangup"),
  ];
}

// Outbound

/** Twilio takes no more of it. */
const twiml_limit = 4000;

/** Speaks into the running call, and listens again. https://www.twilio.com/docs/voice/api/call-resource#update-a-call-resource */
async function send(outbound: Outbound, credentials: Credentials, world: World): Promise<SendOutcome> {
  const { message_id, channel_id, call_id, content } = outbound;
  if (content.type !== "text") return refused("content_type_unsupported", "Only text can be spoken.");
  if (!call_id) return refused("recipient_unreachable", "No call with the contact is running.");
  const hook_url = `${world.settings.public_url}/hooks/twilio/${channel_id}/voice`;
  const spoken = twiml(say(content.text, credentials), ...listen(hook_url, `${message_id}-1`, 0, credentials));
  if (spoken.length > twiml_limit)
    return refused("provider_invalid_request", `Spoken with all its instructions it has more than ${twiml_limit} characters.`);
  return postForm(`Calls/${call_id}`, [["Twiml", spoken]], credentials, world);
}
