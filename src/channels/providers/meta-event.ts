import type { Timestamp } from "../../core/time.ts";
import { hashOf, timeAt } from "./read.ts";

/** What the callbacks of WhatsApp, Instagram and Messenger have in common. */

/** Of which account something is told, and when that arrived. */
export interface Arrival {
  account_id: string;
  received_at: Timestamp;
}

/** What every event has, whatever it is. */
export const common = (dedupe_key: string, item: unknown, { account_id, received_at }: Arrival) => ({
  dedupe_key: boundedKey(dedupe_key),
  account_id,
  occurred_at: timeAt(received_at, item, "timestamp"),
  raw: item,
});

/** Keys stand in an index, whose rows are bounded. */
const boundedKey = (key: string): string => (key.length <= 500 ? key : `hash:${hashOf(key)}`);

/** What is known by nothing else is known by what it says. */
export const hashOfJson = (item: unknown): string => hashOf(JSON.stringify(item));
