import { hash, randomInt } from "node:crypto";

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const form = /^wsk_live_[0-9A-Za-z]{38}$/;

/**
 * `wsk_live_`, 32 random base62 characters and 6 of the CRC-32 over everything before them: a mistyped or
 * invented key is refused without asking the database, and a secret scanner can verify one offline.
 */
export function mintToken(): string {
  let head = "wsk_live_";
  for (let i = 0; i < 32; i++) head += base62[randomInt(62)]!;
  return head + checksum(head);
}

export const isWellFormed = (token: string): boolean => form.test(token) && checksum(token.slice(0, -6)) === token.slice(-6);

/** What is stored. At 190 random bits neither salt nor slowness would add anything. */
export const digestOf = (token: string): string => hash("sha256", token, "base64url");

export const prefixOf = (token: string): string => token.slice("wsk_live_".length, "wsk_live_".length + 8);

export function checksum(head: string): string {
  let rest = crc32(head);
  let text = "";
  for (let i = 0; i < 6; i++) {
    text = base62[rest % 62]! + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** ISO-HDLC, as in zlib; `zlib.crc32` came only with Node 22.2. */
function crc32(ascii: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < ascii.length; i++) crc = table[(crc ^ ascii.charCodeAt(i)) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
