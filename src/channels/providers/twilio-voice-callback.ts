import type { Timestamp } from "../../core/time.ts";
import { longest_text } from "../capabilities.ts";
import type { CallState, Content, Identity } from "../contract.ts";
import type { CallNews, CallPart, InboundEvent } from "./provider.ts";
import { cut, hashOf, readCallback, readJson, textAt, timeAt, webAddress } from "./read.ts";
import { has, inQuery, phoneOf, readForm, secondsAt, sidAt } from "./twilio-form.ts";

/**
 * What Twilio tells of a call. Dedupe keys: news of it `CallSid+SequenceNumber`, what was said `CallSid/turn` or
 * `TranscriptionSid+SequenceId`, a recording its RecordingSid.
 */
export const parse = (raw: Uint8Array, received_at: Timestamp, url?: string): InboundEvent[] =>
  readCallback(raw, received_at, (form) => eventsOf(form, raw, received_at, url), readForm);

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

/** Those that say how far a call is; of what else Twilio says, it rings. */
export const call_states = new Map<string, CallState>([
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
  if (said === null && people.length === 0) return null;
  const state = call_states.get(said ?? "") ?? (has(form, "SpeechResult") ? "in_progress" : "ringing");
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
function peopleOf(form: unknown, direction: CallNews["direction"], call_id: string): Identity[] {
  const [name, other_name] = direction === "inbound" ? ["From", "Caller"] : ["To", "Called"];
  const address = textAt(form, name) ?? textAt(form, other_name);
  if (address === null) return [];
  return [(hidden_numbers.has(address) ? null : phoneOf(address)) ?? { kind: "visitor", value: call_id }];
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
