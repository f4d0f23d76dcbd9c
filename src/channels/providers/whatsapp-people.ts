import type { Identity } from "../contract.ts";
import { cut, idAt, listAt, textAt } from "./read.ts";

/** The people of a change, as far as WhatsApp introduces them. */
export interface People {
  by_user_id: Map<string, unknown>;
  by_phone: Map<string, unknown>;
  /** One introduction beside one sender belongs to them, however the number is spelt in either. */
  lone: unknown;
}

export function peopleOf(value: unknown): People {
  const introduced = listAt(value, "contacts");
  const senders = new Set(
    [...listAt(value, "messages"), ...listAt(value, "calls")].map((item) => textAt(item, "from_user_id") ?? textAt(item, "from")),
  );
  return {
    by_user_id: indexedBy(introduced, "user_id"),
    by_phone: indexedBy(introduced, "wa_id"),
    lone: introduced.length === 1 && senders.size === 1 ? introduced[0] : undefined,
  };
}

/** The items of a list by what they have under a key; of several the first. */
function indexedBy(items: unknown[], key: string): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const item of items) {
    const value = textAt(item, key);
    if (value !== null && !found.has(value)) found.set(value, item);
  }
  return found;
}

/** Who wrote or called, by what the item says and what its change says of them. */
export function senderOf(item: unknown, people: People): { from: Identity[]; name: string | null } {
  const [phone, user_id] = [textAt(item, "from"), idAt(item, "from_user_id")];
  const introduced = people.by_user_id.get(user_id ?? "") ?? people.by_phone.get(phone ?? "") ?? people.lone;
  const their_id = idAt(introduced, "user_id");
  // With another id it is the introduction of somebody else, to whom the number belonged.
  const person = user_id !== null && their_id !== null && user_id !== their_id ? undefined : introduced;
  return { from: identities(phone ?? textAt(person, "wa_id"), user_id ?? idAt(person, "user_id")), name: nameOf(person) };
}

function nameOf(person: unknown): string | null {
  const name = textAt(person, "profile", "name") ?? textAt(person, "profile", "username") ?? textAt(person, "username");
  return name && cut(name, 200);
}

/** Since 2026 a user may show a phone number, a business-scoped user id, or both. */
export function identities(phone: string | null, user_id: string | null): Identity[] {
  const digits = phone?.replace(/[+\s().-]/g, "") ?? "";
  const found: Identity[] = [];
  if (/^\d{5,20}$/.test(digits)) found.push({ kind: "phone", value: digits });
  if (user_id !== null) found.push({ kind: "whatsapp_user", value: user_id });
  return found;
}

/** Somebody is named who was known so before, and something of them is new. */
export const isRenaming = (previous: Identity[], current: Identity[]): boolean =>
  previous.length > 0 && current.some(({ kind, value }) => !previous.some((old) => old.kind === kind && old.value === value));
