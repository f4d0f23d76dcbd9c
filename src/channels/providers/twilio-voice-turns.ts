import type { Credentials, HookAnswer, HookRequest } from "./provider.ts";
import { textAt } from "./read.ts";
import { has, readForm } from "./twilio-form.ts";
import { call_states } from "./twilio-voice-callback.ts";
import { answering, verb, type Verb } from "./twiml.ts";

/** After so many turns without a word, a minute in all, nobody is there. */
const most_silent_turns = 6;

/** What the caller hears next; what is said to them in between comes from `send`. */
export function answer(request: HookRequest, credentials: Credentials): HookAnswer {
  const form = readForm(new TextDecoder().decode(request.raw));
  const hook = new URL(request.url);
  if (!hook.pathname.endsWith("/voice")) return answering();
  const state = call_states.get(textAt(form, "CallStatus") ?? "in-progress");
  if (has(form, "RecordingSid") || (state !== undefined && state !== "in_progress")) return answering(verb("Hangup"));

  const turn = /^(.{1,50}-)(\d{1,6})$/.exec(hook.searchParams.get("turn") ?? "");
  if (!turn) return answering(say(greetingOf(credentials), credentials), ...listen({ hook_url: request.url, turn: "call-1" }, credentials));
  const silent_turns = textAt(form, "SpeechResult") === null ? Number(hook.searchParams.get("silent") ?? 0) + 1 : 0;
  if (!(silent_turns < most_silent_turns)) return answering(verb("Hangup"));
  return answering(...listen({ hook_url: request.url, turn: `${turn[1]}${Number(turn[2]) + 1}`, silent_turns }, credentials));
}

const isVoicemail = (credentials: Credentials): boolean => credentials["inbound_mode"] === "voicemail";

const greetingOf = (credentials: Credentials): string =>
  credentials["greeting"] ?? (isVoicemail(credentials) ? "Please leave a message after the tone." : "Hello. How can we help you?");

export const say = (text: string, { language }: Credentials): Verb => verb("Say", { language }, { text });

interface Turn {
  /** The hook that was called, beside which the others are. */
  hook_url: string;
  turn: string;
  silent_turns?: number;
}

/** Goes on listening. What was heard in which turn is told in the URL it comes to. */
export function listen({ hook_url, turn, silent_turns = 0 }: Turn, credentials: Credentials): Verb[] {
  const { language } = credentials;
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
