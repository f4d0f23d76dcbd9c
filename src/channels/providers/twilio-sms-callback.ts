import type { Timestamp } from "../../core/time.ts";
import { longest_text } from "../capabilities.ts";
import type { Content, MediaType } from "../contract.ts";
import type { Consent, DeliveryState, InboundEvent } from "./provider.ts";
import { cut, ownId, readCallback, textAt, webAddress } from "./read.ts";
import { twilioError } from "./twilio-api.ts";
import { has, inQuery, phoneOf, readForm, sidAt } from "./twilio-form.ts";

/**
 * What Twilio tells of a message. Dedupe keys: a message its MessageSid, a further file of it `MessageSid/n`, a status
 * `MessageSid+MessageStatus`. What Twilio does not date happened when it arrived.
 */
export const parse = (raw: Uint8Array, received_at: Timestamp, url?: string): InboundEvent[] =>
  readCallback(raw, received_at, (form) => eventsOf(form, received_at, url), readForm);

interface Told {
  sid: string;
  form: unknown;
  common: Pick<InboundEvent, "account_id" | "occurred_at" | "raw">;
}

function eventsOf(form: unknown, received_at: Timestamp, url: string | undefined): InboundEvent[] {
  const sid = sidAt(form, "MessageSid") ?? sidAt(form, "SmsSid");
  if (sid === null) return [];
  const told: Told = { sid, form, common: { account_id: null, occurred_at: received_at, raw: form } };
  const status = textAt(form, "MessageStatus") ?? textAt(form, "SmsStatus") ?? "received";
  return status === "received" || status === "receiving"
    ? messageEvents(told)
    : [statusEvent(told, status, ownId(inQuery(url, "message_id")))];
}

/** One event for each file that is sent along: a message carries one. */
function messageEvents({ sid, form, common }: Told): InboundEvent[] {
  const from = phoneOf(textAt(form, "From"));
  if (!from) return [{ kind: "ignored", ...common, dedupe_key: sid, why: "a sender that is no telephone number" }];
  return contentsOf(form).map((content, i) => {
    const external_id = i === 0 ? sid : `${sid}/${i}`;
    const consent = i === 0 ? consentOf(form) : undefined;
    return { kind: "message", ...common, dedupe_key: external_id, external_id, from: [from], name: null, content, consent };
  });
}

/** Twilio takes at most ten files. */
const files = Array.from({ length: 10 }, (_, i) => i);

function contentsOf(form: unknown): Content[] {
  const body = textAt(form, "Body");
  const text = body && cut(body, longest_text);
  const media = files.filter((i) => has(form, `MediaUrl${i}`) || has(form, `MediaContentType${i}`));
  if (media.length === 0) return [{ type: "text", text: text ?? "[Empty message]" }];
  return media.map((i, place) => ({
    type: "media",
    media_type: mediaTypeOf(textAt(form, `MediaContentType${i}`)),
    url: webAddress(textAt(form, `MediaUrl${i}`)),
    caption: place === 0 ? text : null,
  }));
}

function mediaTypeOf(content_type: string | null): MediaType {
  const family = content_type?.toLowerCase().split("/")[0];
  return family === "image" || family === "video" || family === "audio" ? family : "document";
}

/** Twilio's own words, if the account has not chosen others; those it tells by `OptOutType`. */
const keywords: Record<Consent, readonly string[]> = {
  withdrawn: ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"],
  given: ["START", "YES", "UNSTOP"],
};

/** Only a message that is nothing but the word. */
function consentOf(form: unknown): Consent | undefined {
  const word = (textAt(form, "OptOutType") ?? textAt(form, "Body") ?? "").trim().toUpperCase();
  if (keywords.withdrawn.includes(word)) return "withdrawn";
  return keywords.given.includes(word) ? "given" : undefined;
}

const states = new Map<string, DeliveryState>([
  ["sent", "sent"],
  ["delivered", "delivered"],
  ["read", "read"],
  ["undelivered", "failed"],
  ["failed", "failed"],
  ["canceled", "failed"],
]);

/** `message_id` is ours, from the URL that went with the message. */
function statusEvent({ sid, form, common }: Told, said: string, message_id: string | null): InboundEvent {
  const dedupe_key = `${sid}+${cut(said, 40)}`;
  const status = states.get(said);
  if (!status) return { kind: "ignored", ...common, dedupe_key, why: `the status "${cut(said, 40)}" is of no effect here` };
  const error = status === "failed" ? twilioError(textAt(form, "ErrorCode"), textAt(form, "ErrorMessage"), null) : null;
  return { kind: "status", ...common, dedupe_key, external_id: sid, status, error, message_id };
}
