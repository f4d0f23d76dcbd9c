import { invalid } from "./errors.ts";

/** A JSON merge patch of flat metadata (RFC 7396): a key that is null is removed, one that is not named stays. */
export function patched(current: Record<string, string>, patch: Record<string, string | null> | undefined): Record<string, string> {
  const kept = Object.entries({ ...current, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null);
  if (kept.length > 50) throw invalid({ pointer: "/metadata", code: "too_large", detail: "metadata: Must have at most 50 keys." });
  return Object.fromEntries(kept);
}
