import { isId } from "../../core/ids.ts";
import type { Timestamp } from "../../core/time.ts";
import { longest_text } from "../capabilities.ts";
import type { Content, Identity, MediaType } from "../contract.ts";
import { postMessage, probeNode } from "./graph.ts";
import { refused, type Credentials, type InboundEvent, type Outbound, type Probe, type SendOutcome, type World } from "./provider.ts";
import { at, cut, detail_limit, hashOf, idAt, listAt, readCallback, textAt, timeAt, webAddress } from "./read.ts";

/**
 * What Instagram and Messenger share. Dedupe keys: a message its mid (a further file of it `mid#2` …), an echo
 * `echo:mid`, a report of one message `mid+status+timestamp`, anything else the hash of its JSON.
 */

type PersonKind = "instagram_user" | "page_user";

// Inbound

interface Told {
  account_id: string;
  received_at: Timestamp;
  kind: PersonKind;
}

export function parseMessaging(kind: PersonKind, raw: Uint8Array, received_at: Timestamp): InboundEvent[] {
  return readCallback(raw, received_at, (body) =>
    listAt(body, "entry").flatMap((entry) => eventsOfEntry(entry, { account_id: idAt(entry, "id") ?? "", received_at, kind })),
  );
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

  const sent_by_us = textAt(message, "metadata") ?? "";
  return contentsOf(message).map(({ content, file }, n): InboundEvent => {
    const external_id = n === 0 ? mid : `${mid}#${n + 1}`;
    const own = (key: string) => ({ ...common(key, item, told), ...(n > 0 && { raw: { mid, attachments: [file] } }) });
    if (!is_echo) return { kind: "message", ...own(external_id), external_id, from: [person], name: null, content };
    const message_id = n === 0 && isId("msg", sent_by_us) ? sent_by_us : null;
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
  ...common(`revision:${hashOf(JSON.stringify(item))}`, item, told),
  external_id,
  content,
});

/** A button of ours was pressed. An old one has no id of its own. */
function postbackEvents(item: unknown, told: Told): InboundEvent[] {
  const postback = at(item, "postback");
  const text = textAt(postback, "title") ?? textAt(postback, "payload");
  return said(item, told, idAt(postback, "mid") ?? `postback:${hashOf(JSON.stringify(item))}`, text);
}

function reactionEvents(item: unknown, told: Told): InboundEvent[] {
  const reaction = at(item, "reaction");
  if (textAt(reaction, "action") !== "react") return [ignored(item, told, "a reaction was taken back")];
  if (idAt(item, "sender", "id") === told.account_id) return [ignored(item, told, "a reaction of the account's own")];
  const emoji = textAt(reaction, "emoji") ?? textAt(reaction, "reaction");
  return said(item, told, `reaction:${hashOf(JSON.stringify(item))}`, emoji && `Reacted with ${emoji}`);
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
  const shared = common(boundedKey(`${external_id}+${status}+${moment}`), item, told);
  return { kind: "status", ...shared, occurred_at: momentOf(item, told), external_id, status, error: null, message_id: null };
}

function watermark(item: unknown, told: Told, part: string, status: "delivered" | "read"): InboundEvent[] {
  const person = personAt(item, "sender", told);
  if (!person || textAt(item, part, "watermark") === null) return [ignored(item, told, `${part}: of nobody, or of no moment`)];
  const until = timeAt(told.received_at, item, part, "watermark");
  const shared = common(`${part}:${hashOf(JSON.stringify(item))}`, item, told);
  return [{ kind: "watermark", ...shared, occurred_at: momentOf(item, told), person, status, until }];
}

/** A delivery has no time of its own, only that of its watermark. */
const momentOf = (item: unknown, { received_at }: Told): Timestamp =>
  timeAt(timeAt(received_at, item, "delivery", "watermark"), item, "timestamp");

const common = (dedupe_key: string, item: unknown, { account_id, received_at }: Told) => ({
  dedupe_key,
  account_id,
  occurred_at: timeAt(received_at, item, "timestamp"),
  raw: item,
});

const ignored = (item: unknown, told: Told, why: string): InboundEvent => ({
  kind: "ignored",
  ...common(`ignored:${hashOf(JSON.stringify([told.account_id, item]))}`, item, told),
  why: cut(why, detail_limit),
});

const boundedKey = (key: string): string => (key.length <= 500 ? key : `hash:${hashOf(key)}`);

function personAt(item: unknown, role: "sender" | "recipient", { kind }: Told): Identity | null {
  const value = idAt(item, role, "id");
  return value === null ? null : { kind, value };
}

// What was said

const media_types = new Map<string, MediaType>([
  ["image", "image"],
  ["video", "video"],
  ["audio", "audio"],
  ["file", "document"],
]);

/** How an attachment that is no file reads as text. */
const wordings = new Map<string, (attachment: unknown) => string | null>([
  ["story_mention", (attachment) => `📣 Mentioned you in a story: ${addressOf(attachment) ?? "no longer there"}`],
  ["location", sayLocation],
  ["template", (attachment) => textAt(attachment, "title") ?? textAt(attachment, "payload", "title")],
  ["like_heart", () => "❤️"],
  ...["share", "post", "reel", "ig_post", "ig_reel", "fallback"].map((type) => [type, sayShare] as const),
]);

interface Said {
  content: Content;
  /** The attachment it was made of. */
  file?: unknown;
}

/** One content for each file, the first with what was written; without a file, what was written. */
function contentsOf(message: unknown): Said[] {
  const attachments = listAt(message, "attachments").map((attachment) => ({ attachment, media_type: mediaTypeOf(attachment) }));
  const written = textAt(message, "text");
  const words = attachments
    .filter(({ attachment, media_type }) => !media_type && !(written && textAt(attachment, "type") === "fallback"))
    .map(({ attachment }) => sayAttachment(attachment));
  const text = cut([written, ...words].filter((part) => part !== null).join("\n"), longest_text) || null;

  const files = attachments.filter(({ media_type }) => media_type !== undefined);
  if (files.length > 0) {
    return files.map(({ attachment, media_type }, n) => ({
      content: { type: "media", media_type: media_type!, url: addressOf(attachment), caption: n === 0 ? text : null },
      file: attachment,
    }));
  }
  const nothing = at(message, "reply_to", "story") === undefined ? "[Unsupported message]" : "[Replied to a story]";
  return [{ content: { type: "text", text: text ?? nothing } }];
}

function mediaTypeOf(attachment: unknown): MediaType | undefined {
  const media_type = media_types.get(textAt(attachment, "type") ?? "");
  return media_type === "image" && at(attachment, "payload", "sticker_id") !== undefined ? "sticker" : media_type;
}

function sayAttachment(attachment: unknown): string {
  const type = textAt(attachment, "type") ?? "unknown";
  return wordings.get(type)?.(attachment) ?? `[Unsupported message: ${cut(type, 50)}]`;
}

const addressOf = (attachment: unknown): string | null => webAddress(textAt(attachment, "payload", "url") ?? textAt(attachment, "url"));

function sayShare(attachment: unknown): string | null {
  const title = textAt(attachment, "title") ?? textAt(attachment, "payload", "title");
  const shared = [title, addressOf(attachment)].filter((part) => part !== null).join(" ");
  return shared === "" ? null : `🔗 Shared: ${shared}`;
}

function sayLocation(attachment: unknown): string | null {
  const place = at(attachment, "payload", "coordinates");
  const [latitude, longitude] = [textAt(place, "lat"), textAt(place, "long")];
  return latitude && longitude && `📍 Location: ${latitude}, ${longitude}`;
}

// Outbound

interface Route {
  graph_url: string;
  kind: PersonKind;
  /** The kinds of file that it takes, in its own words. */
  files: Partial<Record<MediaType, string>>;
  /** What kind of message it is. */
  about: object;
}

/** Meta's tag for what a person of the business wrote, 24 hours to 7 days after the customer's last message. */
export const human_agent = { messaging_type: "MESSAGE_TAG", tag: "HUMAN_AGENT" };

/** POST /{account}/messages. `metadata` comes back in the echo of the message. */
export async function sendMessaging(route: Route, outbound: Outbound, credentials: Credentials, world: World): Promise<SendOutcome> {
  const id = outbound.to.find((identity) => identity.kind === route.kind)?.value;
  if (!id) return refused("recipient_unreachable", `The contact has no ${route.kind}: they must write first.`);
  const message = messageOf(outbound.content, route.files);
  if (!message) return refused("content_type_unsupported", "The channel needs the address of a file of a kind it takes, and no caption.");
  return postMessage(
    {
      url: `${route.graph_url}/${world.settings.meta_graph_version}/${encodeURIComponent(outbound.account_id)}/messages`,
      body: { recipient: { id }, ...route.about, message: { ...message, metadata: outbound.message_id } },
      readId: (answer) => idAt(answer, "message_id"),
    },
    credentials,
    world,
  );
}

function messageOf(content: Content, files: Route["files"]): object | null {
  if (content.type === "text") return { text: content.text };
  if (content.type !== "media") return null;
  const type = files[content.media_type];
  if (!type || !content.url || content.caption) return null;
  return { attachment: { type, payload: { url: content.url } } };
}

/** GET /{account}: how it is called, in the field that says so. */
export const probeAccount = (
  graph_url: string,
  field: string,
  account_id: string,
  credentials: Credentials,
  world: World,
): Promise<Probe> =>
  probeNode(
    {
      url: `${graph_url}/${world.settings.meta_graph_version}/${encodeURIComponent(account_id)}?fields=id,${field}`,
      nameOf: (said) => textAt(said, field),
    },
    credentials,
    world,
  );
