import { hash, timingSafeEqual } from "node:crypto";

/**
 * Compares in constant time. Hashed first: not even the length shows, and texts of one length may be of as many bytes or not.
 * A secret that is not set equals nothing.
 */
export function sameSecret(given: string | null | undefined, expected: string | null | undefined): boolean {
  if (!given || !expected) return false;
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", expected, "buffer"));
}
