import type { Timestamp } from "../../core/time.ts";
import type { Identity } from "../contract.ts";
import { graphError } from "./graph.ts";
import { common, hashOfJson, type Arrival } from "./meta-event.ts";
import type { DeliveryState, InboundEvent } from "./provider.ts";
import { at, cut, detail_limit, idAt, listAt, ownId, readCallback, textAt, timeAt } from "./read.ts";
import { contentOf } from "./whatsapp-content.ts";
import { identities, isRenaming, peopleOf, senderOf, type People } from "./whatsapp-people.ts";
import { readTemplateNews } from "./whatsapp-template-news.ts";

/**
 * What WhatsApp tells in one callback. Dedupe keys: a message its wamid, an echo `echo:wamid`, a status `wamid+status+timestamp`,
 * what is told *of* a message `type:wamid` (it may come before the message), a call `call:wacid`, anything else the hash of its JSON.
 */
export function parse(raw: Uint8Array, received_at: Timestamp): InboundEvent[] {
  return readCallback(raw, received_at, (body) => listAt(body, "entry").flatMap((entry) => eventsOfEntry(entry, received_at)));
}

interface Told extends Arrival {
  people: People;
}

function eventsOfEntry(entry: unknown, received_at: Timestamp): InboundEvent[] {
  const changes = listAt(entry, "changes");
  return changes.length > 0
    ? changes.flatMap((change) => eventsOfChange(change, entry, received_at))
    : [unknownChange(entry, entry, received_at)];
}

function eventsOfChange(change: unknown, entry: unknown, received_at: Timestamp): InboundEvent[] {
  const value = at(change, "value");
  const told: Told = { account_id: accountOf(change, entry), received_at, people: peopleOf(value) };
  const news = readTemplateNews(change);
  if (news) return [{ ...changeOf(change, entry, received_at), kind: "template", ...news }];
  const events = [
    ...listAt(value, "messages").map((message) => messageEvent(message, told)),
    ...listAt(value, "message_echoes").map((message) => echoEvent(message, told)),
    ...listAt(value, "statuses").map((status) => statusEvent(status, told)),
    ...listAt(value, "user_id_update").map((update) => userIdEvent(update, told)),
    ...listAt(value, "calls").map((call) => callEvent(call, told)),
  ];
  return events.length > 0 ? events : [unknownChange(change, entry, received_at)];
}

/** Template updates and the like are about the whole business account, whose id is the entry's. */
const accountOf = (change: unknown, entry: unknown): string =>
  idAt(change, "value", "metadata", "phone_number_id") ?? idAt(entry, "id") ?? "";

/** Groups, and what Meta will think of next. The same change at another time is another. */
function unknownChange(change: unknown, entry: unknown, received_at: Timestamp): InboundEvent {
  const errors = listAt(change, "value", "errors").map((error) => graphError(error, null).detail);
  const field = textAt(change, "field") ?? "a callback without changes";
  const why = cut([`${field}: of no effect here`, ...errors].join("; "), detail_limit);
  return { kind: "ignored", why, ...changeOf(change, entry, received_at) };
}

const changeOf = (change: unknown, entry: unknown, received_at: Timestamp) => ({
  dedupe_key: `change:${hashOfJson([at(entry, "id"), at(entry, "time"), change])}`,
  account_id: accountOf(change, entry),
  occurred_at: timeAt(received_at, entry, "time"),
  raw: change,
});

function messageEvent(message: unknown, told: Told): InboundEvent {
  const { from, name } = senderOf(message, told.people);
  const external_id = idAt(message, "id") ?? "";
  const why = whyIgnored(message, external_id, from);
  if (why !== null) return ignoredItem("", message, told, why);
  const told_of = revisionOf("", message, told) ?? renamingOf(message, told);
  if (told_of) return told_of;
  return {
    kind: "message",
    ...common(external_id, message, told),
    external_id,
    from,
    name,
    content: contentOf(message),
  };
}

/** What the business wrote in WhatsApp's own app. */
function echoEvent(message: unknown, told: Told): InboundEvent {
  const to = identities(textAt(message, "to"), idAt(message, "to_user_id"));
  const external_id = idAt(message, "id") ?? "";
  const why = whyIgnored(message, external_id, to);
  if (why !== null) return ignoredItem("echo:", message, told, why);
  const told_of = revisionOf("echo:", message, told);
  if (told_of) return told_of;
  const content = contentOf(message);
  return { kind: "echo", ...common(`echo:${external_id}`, message, told), external_id, to, content, message_id: null };
}

/** An edit or a deletion. It has an id of its own, and names the message's. */
function revisionOf(prefix: string, message: unknown, told: Told): InboundEvent | undefined {
  const type = textAt(message, "type") ?? "";
  if (type !== "edit" && type !== "revoke") return undefined;
  const external_id = idAt(message, type, "original_message_id");
  const edited = at(message, "edit", "message");
  if (external_id === null || (type === "edit" && textAt(edited, "type") === null)) {
    return ignoredItem(prefix, message, told, `${type}: it does not say of what, or to what`);
  }
  return {
    kind: "revision",
    ...common(itemKey(prefix, message), message, told),
    external_id,
    content: type === "edit" ? contentOf(edited) : null,
  };
}

/** A customer took another number, or has another user id; the one changes with the other. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system */
function renamingOf(message: unknown, told: Told): InboundEvent | undefined {
  if (textAt(message, "type") !== "system") return undefined;
  const system = at(message, "system");
  const previous = identities(textAt(message, "from"), idAt(system, "previous_user_id") ?? idAt(message, "from_user_id"));
  const current = identities(textAt(system, "wa_id"), idAt(system, "user_id"));
  if (!isRenaming(previous, current)) return ignoredItem("", message, told, "WhatsApp's own note: nothing that is kept here changed");
  return { kind: "renaming", ...common(itemKey("", message), message, told), previous, current };
}

/** A user's id is given anew where they move to another number or country. */
function userIdEvent(update: unknown, told: Told): InboundEvent {
  const phone = textAt(update, "wa_id");
  const previous = identities(phone, idAt(update, "user_id", "previous"));
  const current = identities(phone, idAt(update, "user_id", "current"));
  if (!isRenaming(previous, current)) return ignoredItem("user_id_update:", update, told, "user_id_update: it names no two ids");
  return { kind: "renaming", ...common(`user_id_update:${hashOfJson(update)}`, update, told), previous, current };
}

/** The end of a call is told by another item with its id: the window hangs on its beginning. */
function callEvent(call: unknown, told: Told): InboundEvent {
  const { from, name } = senderOf(call, told.people);
  const id = idAt(call, "id");
  const is_theirs = textAt(call, "direction") === "USER_INITIATED" && textAt(call, "event") !== "terminate";
  if (id === null || !is_theirs || from.length === 0) return ignoredItem("call:", call, told, "calls: of no effect here");
  return { kind: "called", ...common(`call:${id}`, call, told), from, name };
}

/** `played` is a voice message's `read`. */
const states = new Map<string, DeliveryState>([
  ["sent", "sent"],
  ["delivered", "delivered"],
  ["read", "read"],
  ["played", "read"],
  ["failed", "failed"],
]);

function statusEvent(item: unknown, told: Told): InboundEvent {
  const external_id = idAt(item, "id");
  const said = textAt(item, "status") ?? "";
  const status = states.get(said);
  if (external_id === null) return ignoredItem("status:", item, told, "a status without a message's id");
  const shared = common(`${external_id}+${said}+${textAt(item, "timestamp") ?? ""}`, item, told);
  if (!status) return { kind: "ignored", ...shared, why: cut(`the status "${said}" is not known here`, detail_limit) };
  return {
    kind: "status",
    ...shared,
    external_id,
    status,
    error: status === "failed" ? graphError(listAt(item, "errors")[0], null) : null,
    message_id: ownId(textAt(item, "biz_opaque_callback_data")),
  };
}

function ignoredItem(prefix: string, item: unknown, told: Told, why: string): InboundEvent {
  return { kind: "ignored", ...common(itemKey(prefix, item), item, told), why };
}

const itemKey = (prefix: string, item: unknown): string =>
  `${prefix}${textAt(item, "type") ?? "unknown"}:${idAt(item, "id") ?? hashOfJson(item)}`;

/** Told *of* a message, or told by WhatsApp: who they come from matters to nobody. */
const not_said: readonly string[] = ["revoke", "edit", "system"];

function whyIgnored(message: unknown, external_id: string, people: Identity[]): string | null {
  const type = textAt(message, "type");
  if (external_id === "") return "a message without an id";
  if (type === null) return "a message without a type";
  if (at(message, "group_id") !== undefined) return "groups are not served here";
  if (type === "request_welcome") return "a chat was opened, nothing was said";
  if (type === "reaction" && textAt(message, "reaction", "emoji") === null) return "a reaction was taken back";
  return people.length === 0 && !not_said.includes(type) ? "a message that names nobody" : null;
}
