import { invalid } from "./errors.ts";
import { metadata_keys_at_most } from "./fields.ts";

/** A JSON merge patch of flat metadata (RFC 7396): a key that is null is removed, one that is not named stays. */
export function patched(current: Record<string, string>, patch: Record<string, string | null> | undefined): Record<string, string> {
  const kept = Object.entries({ ...current, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null);
  if (kept.length > metadata_keys_at_most)
    throw invalid({ pointer: "/metadata", code: "too_large", detail: `metadata: Must have at most ${metadata_keys_at_most} keys.` });
  return Object.fromEntries(kept);
}
