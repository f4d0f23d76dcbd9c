import { z } from "zod";
import { isId } from "../../core/ids.ts";
import type { Timestamp } from "../../core/time.ts";
import { longest_text } from "../capabilities.ts";
import type { Content, Identity } from "../contract.ts";
import { idOfForm, mayBeLeftOut } from "./fields.ts";
import {
  refused,
  type Consent,
  type Credentials,
  type DeliveryState,
  type InboundEvent,
  type Outbound,
  type Provider,
  type SendOutcome,
  type World,
} from "./provider.ts";
import { cut, readCallback, textAt } from "./read.ts";
import { accountCredentials, has, inQuery, postForm, probe, readForm, sidAt, twilioError, verify, webAddress } from "./twilio.ts";
import { answering } from "./twiml.ts";

/**
 * SMS and MMS by Twilio. Dedupe keys: a message its MessageSid, a further file of it `MessageSid/n`, a status
 * `MessageSid+MessageStatus`. What Twilio does not date happened when it arrived.
 */
export const twilioSms: Provider = {
  account: idOfForm(
    /^(\+[1-9]\d{6,14}|\d{3,8}|[A-Za-z0-9 ]{1,11})$/,
    "What messages come from: a number of the account in E.164, a short code, or an alphanumeric sender.",
    "+15550100200",
  ),
  credentials: z.strictObject({
    ...accountCredentials,
    messaging_service_sid: mayBeLeftOut(
      idOfForm(
        /^MG[0-9a-f]{32}$/,
        "A Messaging Service that chooses the sender: Messaging → Services.",
        "MG00000000000000000000000000000001",
      ),
    ),
  }),
  reaches: ["phone"],
  door: "twilio",
  hooks: ["sms", "status"],
  entered_hooks: ["sms"],
  handshake: () => undefined,
  verify,
  parse: (raw, received_at, url) => readCallback(raw, received_at, (form) => eventsOf(form, received_at, url), readForm),
  answer: () => answering(),
  send,
  probe,
};

// Inbound

function eventsOf(form: unknown, received_at: Timestamp, url: string | undefined): InboundEvent[] {
  const external_id = sidAt(form, "MessageSid") ?? sidAt(form, "SmsSid");
  if (external_id === null) return [];
  const common = { account_id: null, occurred_at: received_at, raw: form };
  const said = textAt(form, "MessageStatus") ?? textAt(form, "SmsStatus") ?? "received";
  return said === "received" || said === "receiving"
    ? messageEvents(form, external_id, common)
    : [statusEvent(form, external_id, said, inQuery(url, "message_id"), common)];
}

type Common = Pick<InboundEvent, "account_id" | "occurred_at" | "raw">;

/** One event for each file that is sent along: a message carries one. */
function messageEvents(form: unknown, sid: string, common: Common): InboundEvent[] {
  const from = phoneOf(textAt(form, "From"));
  if (!from) return [{ kind: "ignored", ...common, dedupe_key: sid, why: "a sender that is no telephone number" }];
  return contentsOf(form).map((content, i) => {
    const external_id = i === 0 ? sid : `${sid}/${i}`;
    const consent = i === 0 ? consentOf(form) : undefined;
    return { kind: "message", ...common, dedupe_key: external_id, external_id, from: [from], name: null, content, consent };
  });
}

/** Twilio sends a phone number with its plus sign, a short code without. */
function phoneOf(said: string | null): Identity | null {
  const value = /^\+?(\d{5,15})$/.exec(said ?? "")?.[1];
  return value ? { kind: "phone", value } : null;
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

type MediaType = Extract<Content, { type: "media" }>["media_type"];

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
function statusEvent(form: unknown, external_id: string, said: string, message_id: string | null, common: Common): InboundEvent {
  const dedupe_key = `${external_id}+${cut(said, 40)}`;
  const status = states.get(said);
  if (!status) return { kind: "ignored", ...common, dedupe_key, why: `the status "${cut(said, 40)}" is of no effect here` };
  return {
    kind: "status",
    ...common,
    dedupe_key,
    external_id,
    status,
    error: status === "failed" ? twilioError(textAt(form, "ErrorCode"), textAt(form, "ErrorMessage"), null) : null,
    message_id: message_id !== null && isId("msg", message_id) ? message_id : null,
  };
}

// Outbound

/** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
async function send(outbound: Outbound, credentials: Credentials, world: World): Promise<SendOutcome> {
  const phone = outbound.to.find(({ kind }) => kind === "phone")?.value;
  if (!phone || !/^[1-9]\d{6,14}$/.test(phone)) return refused("recipient_unreachable", "The contact has no phone number in E.164.");
  const said = fieldsOf(outbound.content);
  if (!said) return refused("content_type_unsupported", "An SMS carries text, and files by their address.");
  const service = credentials["messaging_service_sid"];
  const callback = `${world.settings.public_url}/hooks/twilio/${outbound.channel_id}/status?message_id=${outbound.message_id}`;
  return postForm(
    "Messages",
    [
      ["To", `+${phone}`],
      service ? ["MessagingServiceSid", service] : ["From", outbound.account_id],
      ["StatusCallback", callback],
      ...said,
    ],
    credentials,
    world,
  );
}

function fieldsOf(content: Content): [string, string][] | null {
  if (content.type === "text") return [["Body", content.text]];
  if (content.type !== "media" || !content.url) return null;
  const file: [string, string] = ["MediaUrl", content.url];
  return content.caption ? [["Body", content.caption], file] : [file];
}
