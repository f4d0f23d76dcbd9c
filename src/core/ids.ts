import { randomFillSync } from "node:crypto";
import { epochMs, systemClock, type Clock, type Timestamp } from "./time.ts";

/** What each prefix names. An id on the wire is a TypeID; in the database it is the bare UUIDv7. */
export const prefixes = {
  ws: "workspace",
  conv: "conversation",
  msg: "message",
  cont: "contact",
  tmpl: "template",
  chan: "channel",
  mem: "team member",
  asg: "assignment",
  note: "note",
  tkt: "ticket",
  key: "API key",
  whe: "webhook endpoint",
  evt: "event",
  dlv: "delivery",
  att: "attempt",
  aud: "audit entry",
  job: "job",
  led: "ledger entry",
  usr: "user",
  ses: "session",
  acc: "account",
  vrf: "verification",
  req: "request",
} as const;

export type Prefix = keyof typeof prefixes;
export type Id<P extends Prefix> = `${P}_${string}`;
export type NewId = <P extends Prefix>(prefix: P) => Id<P>;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const values = new Map(Array.from(alphabet, (character, value) => [character.charCodeAt(0), value]));
const hyphen = "-".charCodeAt(0);
const codesOf = (characters: string) => Uint8Array.from(characters, (character) => character.charCodeAt(0));
const digits = codesOf(alphabet);
const hexDigits = codesOf("0123456789abcdef");
/** Where a text is put together: added to one another, characters are as many strings until somebody reads them. */
const written = Buffer.alloc(36);

/**
 * Makes TypeIDs over UUIDv7 (RFC 9562 §5.7). Within a millisecond the 12 bits behind the time count up
 * (method 1 of §6.2), so that the ids of one process sort in the order in which they were made.
 */
export function createNewId(clock: Clock = systemClock, fill: (bytes: Uint8Array) => unknown = randomFillSync): NewId {
  let last_ms = 0;
  let sequence = 0;
  const pool = new Uint8Array(4096);
  let used = pool.length;

  return (prefix) => {
    const now = epochMs(clock());
    sequence = now > last_ms ? 0 : sequence + 1;
    if (now > last_ms) last_ms = now;
    if (sequence > 0xfff) {
      last_ms += 1;
      sequence = 0;
    }
    if (used === pool.length) {
      fill(pool);
      used = 0;
    }
    const bytes = new Uint8Array(16);
    for (let i = 5, rest = last_ms; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
    bytes[6] = 0x70 | (sequence >> 8);
    bytes[7] = sequence & 0xff;
    bytes.set(pool.subarray(used, used + 8), 8);
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
    used += 8;
    return `${prefix}_${encode(bytes)}`;
  };
}

/** Sorts before every id that is made from this moment on. */
export function firstIdAt<P extends Prefix>(prefix: P, at: Timestamp): Id<P> {
  return idOf(prefix, `${epochMs(at).toString(16).padStart(12, "0")}${"0".repeat(20)}`);
}

const suffix = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

export function isId<P extends Prefix>(prefix: P, text: string): text is Id<P> {
  return text.charAt(prefix.length) === "_" && text.startsWith(prefix) && suffix.test(text.slice(prefix.length + 1));
}

export function uuidOf(id: string): string {
  const bytes = decode(id.slice(id.lastIndexOf("_") + 1));
  if (!bytes) throw new TypeError("not a TypeID");
  for (let i = 0, at = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) written[at++] = hyphen;
    written[at++] = hexDigits[bytes[i]! >> 4]!;
    written[at++] = hexDigits[bytes[i]! & 15]!;
  }
  return written.toString("latin1", 0, 36);
}

export function idOf<P extends Prefix>(prefix: P, uuid: string): Id<P> {
  const bytes = new Uint8Array(16);
  for (let i = 0, at = 0; i < 16; i++, at += 2) {
    if (uuid.charCodeAt(at) === hyphen) at++;
    bytes[i] = (nibble(uuid.charCodeAt(at)) << 4) | nibble(uuid.charCodeAt(at + 1));
  }
  return `${prefix}_${encode(bytes)}`;
}

const nibble = (code: number): number => (code <= 57 ? code - 48 : code - 87);

/** 128 bits as 26 Crockford characters of 5 bits each; the first carries only three (TypeID 0.3). */
function encode(bytes: Uint8Array): string {
  for (let character = 0, bit = -2; character < 26; character++, bit += 5) written[character] = digits[fiveBits(bytes, bit)]!;
  return written.toString("latin1", 0, 26);
}

function fiveBits(bytes: Uint8Array, bit: number): number {
  if (bit < 0) return bytes[0]! >> 5;
  const byte = bit >> 3;
  const pair = (bytes[byte]! << 8) | (bytes[byte + 1] ?? 0);
  return (pair >> (11 - (bit & 7))) & 31;
}

function decode(text: string): Uint8Array | undefined {
  if (text.length !== 26 || text > "7zzzzzzzzzzzzzzzzzzzzzzzzz") return undefined;
  const bytes = new Uint8Array(16);
  let held = 0;
  let bits = -2;
  let filled = 0;
  for (let i = 0; i < 26; i++) {
    const value = values.get(text.charCodeAt(i));
    if (value === undefined) return undefined;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[filled++] = (held >> bits) & 0xff;
      held &= (1 << bits) - 1;
    }
  }
  return bytes;
}
