import { createHash } from "node:crypto";
import { isId, type Id } from "../../core/ids.ts";
import { epochMs, hours, seconds, timestamp, type Timestamp } from "../../core/time.ts";
import type { InboundEvent } from "./provider.ts";

/** The reading of what nobody vouches for: what is there is taken, what is not is no fault. */

/** The longest explanation that is kept, in characters. */
export const detail_limit = 500;

/** Meta puts at most a thousand changes into one callback; each of the events is a transaction. */
const most_events = 5000;

/**
 * Reads a callback, and never throws. One that cannot be understood as a whole is one ignored event, known by its bytes; so is
 * what it tells beyond any measure.
 */
export function readCallback(
  raw: Uint8Array,
  received_at: Timestamp,
  read: (body: unknown) => InboundEvent[],
  bodyOf: (said: string) => unknown = readJson,
): InboundEvent[] {
  const said = new TextDecoder().decode(raw);
  const ignored = (why: string): InboundEvent[] => [
    { kind: "ignored", why, dedupe_key: `body:${hashOf(raw)}`, account_id: "", occurred_at: received_at, raw: said },
  ];
  const body = bodyOf(said);
  if (body === undefined) return ignored("not JSON");
  try {
    const events = read(body);
    if (events.length > most_events) {
      return [...events.slice(0, most_events), ...ignored(`${events.length - most_events} events more than a callback may have`)];
    }
    return events.length > 0 ? events : ignored("nothing in it is known here");
  } catch (error) {
    return ignored(cut(`unreadable: ${String(error)}`, detail_limit));
  }
}

/** Undefined where it is not JSON, or nested so deeply that it could not be written again. */
export function readJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    JSON.stringify(value);
    return value;
  } catch {
    return undefined;
  }
}

export const hashOf = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

/** The value at a path of unknown JSON; undefined where the path ends early. */
export function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (parent, key) =>
      typeof parent === "object" && parent !== null && Object.hasOwn(parent, key) ? (parent as Record<string, unknown>)[key] : undefined,
    value,
  );
}

export const listAt = (value: unknown, ...path: string[]): unknown[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
};

/**
 * A text that is not empty, or a number as text; otherwise null. A number too large to be exact has been rounded: as an
 * id it would be somebody else's.
 */
export function textAt(value: unknown, ...path: string[]): string | null {
  const found = at(value, ...path);
  if (typeof found === "number") return Math.abs(found) <= Number.MAX_SAFE_INTEGER ? String(found) : null;
  return typeof found === "string" && found !== "" ? storable(found) : null;
}

/** The longest id that is believed: ids are kept in indexes, whose rows are bounded. */
const id_limit = 300;

export function idAt(value: unknown, ...path: string[]): string | null {
  const id = textAt(value, ...path);
  return id !== null && id.length <= id_limit ? id : null;
}

/** A word of the provider's own, such as a status. */
export function shortAt(value: unknown, ...path: string[]): string | null {
  const text = textAt(value, ...path);
  return text && cut(text, 50);
}

/** Our own id of a message, where it is one: some providers give back what was sent along. */
export const ownId = (text: string | null): Id<"msg"> | null => (text !== null && isId("msg", text) ? text : null);

/** What a browser may open; never a script. */
export const webAddress = (text: string | null): string | null => (text !== null && /^https?:\/\//i.test(text) ? text : null);

/** PostgreSQL keeps neither NUL nor half a surrogate pair; a message must not be lost over one. */
const storable = (text: string): string => text.replaceAll("\0", "\u{FFFD}").toWellFormed();

/** A text to be kept: at most so many characters. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return storable(text);
  const characters = Array.from(text);
  return storable(characters.length <= max ? text : `${characters.slice(0, max - 1).join("")}…`);
}

const earliest_ms = Date.UTC(2009, 0);
const clock_skew_ms = hours(1);

/** The provider's own time. One that is missing, or that cannot be, is the time of arrival. */
export function timeAt(received_at: Timestamp, value: unknown, ...path: string[]): Timestamp {
  const epoch_ms = epochMsOf(textAt(value, ...path) ?? "");
  const possible = epoch_ms >= earliest_ms && epoch_ms <= epochMs(received_at) + clock_skew_ms;
  return possible ? timestamp(epoch_ms) : received_at;
}

/** Counted in seconds, such a number is in the year 5138; in milliseconds, in 1973. */
const milliseconds_from = 1e11;

/** WhatsApp counts seconds, Messenger and Instagram milliseconds, some fields are ISO 8601, Twilio's RFC 2822. */
function epochMsOf(said: string): number {
  if (/^(\d{4}-\d\d-\d\dT|[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} )/.test(said)) return epochMs(said);
  if (!/^\d+$/.test(said)) return NaN;
  const number = Number(said);
  return number < milliseconds_from ? seconds(number) : number;
}
