import type { Timestamp } from "../../core/time.ts";
import { longest_text } from "../capabilities.ts";
import type { Content, Identity } from "../contract.ts";
import { partOf } from "../parts.ts";
import { common, hashOfJson, type Arrival } from "./meta-event.ts";
import { contentsOf } from "./meta-messaging-content.ts";
import type { InboundEvent } from "./provider.ts";
import { at, cut, detail_limit, idAt, listAt, ownId, readCallback, textAt, timeAt } from "./read.ts";

export type PersonKind = "instagram_user" | "page_user";

/**
 * What Instagram or Messenger tells in one callback. Dedupe keys: a message its mid (a further file of it `mid#2` …), an echo
 * `echo:mid`, a report of one message `mid+status+timestamp`, anything else the hash of its JSON.
 */
export function parseMessaging(kind: PersonKind, raw: Uint8Array, received_at: Timestamp): InboundEvent[] {
  return readCallback(raw, received_at, (body) =>
    listAt(body, "entry").flatMap((entry) => eventsOfEntry(entry, { account_id: idAt(entry, "id") ?? "", received_at, kind })),
  );
}

interface Told extends Arrival {
  kind: PersonKind;
}

function eventsOfEntry(entry: unknown, told: Told): InboundEvent[] {
  const events = [
    ...listAt(entry, "messaging").flatMap((item) => eventsOfItem(item, told)),
    ...listAt(entry, "standby").map((item) => ignored(item, told, "standby: another app has the conversation")),
    ...listAt(entry, "changes").map((change) => ignored(change, told, `${textAt(change, "field") ?? "a change"}: of no effect here`)),
  ];
  return events.length > 0 ? events : [ignored(entry, told, "an entry without events")];
}

const readers = new Map<string, (item: unknown, told: Told) => InboundEvent[]>([
  ["message", messageEvents],
  ["message_edit", editEvents],
  ["postback", postbackEvents],
  ["reaction", reactionEvents],
  ["delivery", deliveryEvents],
  ["read", readEvents],
]);

const about_every_item: readonly string[] = ["sender", "recipient", "timestamp"];

function eventsOfItem(item: unknown, told: Told): InboundEvent[] {
  for (const [part, read] of readers) if (at(item, part) !== undefined) return read(item, told);
  // A referral, an opt-in, a hand-over of the thread, and what Meta will think of next: nobody said anything.
  const part = Object.keys(typeof item === "object" && item !== null ? item : {}).find((key) => !about_every_item.includes(key));
  return [ignored(item, told, `${part ?? "an empty event"}: of no effect here`)];
}

function messageEvents(item: unknown, told: Told): InboundEvent[] {
  const message = at(item, "message");
  const mid = idAt(message, "mid");
  if (mid === null) return [ignored(item, told, "a message without an id")];
  if (at(message, "is_deleted") === true) return [revision(item, told, mid, null)];
  const is_echo = at(message, "is_echo") === true;
  const person = personAt(item, is_echo ? "recipient" : "sender", told);
  if (!person) return [ignored(item, told, "a message that names nobody")];

  return contentsOf(message).map(({ content, file }, n): InboundEvent => {
    const external_id = n === 0 ? mid : partOf(mid, n + 1);
    const own = (key: string) => ({ ...common(key, item, told), ...(n > 0 && { raw: { mid, attachments: [file] } }) });
    if (!is_echo) return { kind: "message", ...own(external_id), external_id, from: [person], name: null, content };
    const message_id = n === 0 ? ownId(textAt(message, "metadata")) : null;
    return { kind: "echo", ...own(`echo:${external_id}`), external_id, to: [person], content, message_id };
  });
}

function editEvents(item: unknown, told: Told): InboundEvent[] {
  const [mid, text] = [idAt(item, "message_edit", "mid"), textAt(item, "message_edit", "text")];
  if (mid === null || text === null) return [ignored(item, told, "an edit without its message or its text")];
  return [revision(item, told, mid, { type: "text", text: cut(text, longest_text) })];
}

const revision = (item: unknown, told: Told, external_id: string, content: Content | null): InboundEvent => ({
  kind: "revision",
  ...common(`revision:${hashOfJson(item)}`, item, told),
  external_id,
  content,
});

/** A button of ours was pressed. An old one has no id of its own. */
function postbackEvents(item: unknown, told: Told): InboundEvent[] {
  const postback = at(item, "postback");
  const text = textAt(postback, "title") ?? textAt(postback, "payload");
  return said(item, told, idAt(postback, "mid") ?? `postback:${hashOfJson(item)}`, text);
}

function reactionEvents(item: unknown, told: Told): InboundEvent[] {
  const reaction = at(item, "reaction");
  if (textAt(reaction, "action") !== "react") return [ignored(item, told, "a reaction was taken back")];
  if (idAt(item, "sender", "id") === told.account_id) return [ignored(item, told, "a reaction of the account's own")];
  const emoji = textAt(reaction, "emoji") ?? textAt(reaction, "reaction");
  return said(item, told, `reaction:${hashOfJson(item)}`, emoji && `Reacted with ${emoji}`);
}

function said(item: unknown, told: Told, external_id: string, text: string | null): InboundEvent[] {
  const person = personAt(item, "sender", told);
  if (!person || text === null) return [ignored(item, told, person ? "nothing in it can be read" : "a message that names nobody")];
  const content: Content = { type: "text", text: cut(text, longest_text) };
  return [{ kind: "message", ...common(external_id, item, told), external_id, from: [person], name: null, content }];
}

/** Whatever is beyond is covered by the watermark, which the same report has. */
const most_mids = 500;

/** Each message's report keeps what it says of this message, and not all of them all. */
function deliveryEvents(item: unknown, told: Told): InboundEvent[] {
  const [sender, recipient] = [idAt(item, "sender", "id"), idAt(item, "recipient", "id")];
  const about = { sender, recipient, timestamp: textAt(item, "timestamp"), watermark: textAt(item, "delivery", "watermark") };
  const mids = listAt(item, "delivery", "mids")
    .slice(0, most_mids)
    .map((mid) => idAt(mid));
  const reports = mids.filter((mid) => mid !== null).map((mid) => ({ ...report(item, told, mid, "delivered"), raw: { ...about, mid } }));
  return [...reports, ...watermark(item, told, "delivery", "delivered")];
}

/** Instagram names the message, Messenger the moment up to which everything was read. */
function readEvents(item: unknown, told: Told): InboundEvent[] {
  const mid = idAt(item, "read", "mid");
  return mid === null ? watermark(item, told, "read", "read") : [report(item, told, mid, "read")];
}

function report(item: unknown, told: Told, external_id: string, status: "delivered" | "read"): InboundEvent {
  const moment = textAt(item, "timestamp") ?? textAt(item, "delivery", "watermark") ?? "";
  const shared = common(`${external_id}+${status}+${moment}`, item, told);
  return { kind: "status", ...shared, occurred_at: momentOf(item, told), external_id, status, error: null, message_id: null };
}

function watermark(item: unknown, told: Told, part: string, status: "delivered" | "read"): InboundEvent[] {
  const person = personAt(item, "sender", told);
  if (!person || textAt(item, part, "watermark") === null) return [ignored(item, told, `${part}: of nobody, or of no moment`)];
  const until = timeAt(told.received_at, item, part, "watermark");
  const shared = common(`${part}:${hashOfJson(item)}`, item, told);
  return [{ kind: "watermark", ...shared, occurred_at: momentOf(item, told), person, status, until }];
}

/** A delivery has no time of its own, only that of its watermark. */
const momentOf = (item: unknown, { received_at }: Told): Timestamp =>
  timeAt(timeAt(received_at, item, "delivery", "watermark"), item, "timestamp");

const ignored = (item: unknown, told: Told, why: string): InboundEvent => ({
  kind: "ignored",
  ...common(`ignored:${hashOfJson([told.account_id, item])}`, item, told),
  why: cut(why, detail_limit),
});

function personAt(item: unknown, role: "sender" | "recipient", { kind }: Told): Identity | null {
  const value = idAt(item, role, "id");
  return value === null ? null : { kind, value };
}
