import type { HeldReport } from "../channels/note-event.ts";
import { earliest, type Timestamp } from "../core/time.ts";
import type { StoredMessageStatus } from "./contract.ts";
import type { MessageRow } from "./present.ts";

/** What a report changes. In whatever order and however often reports come, they leave the same message behind. */
export function judgeReport(message: MessageRow, { status, occurred_at, error }: HeldReport): Partial<MessageRow> {
  const settled = { status, lease_id: null, lease_until: null };
  if (status === "failed") {
    const is_news = progress[message.status] <= progress.sent && (message.failed_at ?? occurred_at) >= occurred_at;
    return is_news ? { ...settled, error, failed_at: occurred_at } : {};
  }
  const stamp = `${status}_at` as const;
  const stamped = { [stamp]: firstOf(message[stamp], occurred_at) };
  return progress[status] > progress[message.status] ? { ...stamped, ...settled, error: null, failed_at: null } : stamped;
}

/** How far along a message is. Nothing moves it back, and what was delivered cannot fail. */
const progress: Record<StoredMessageStatus, number> = {
  queued: 0,
  scheduled: 0,
  sending: 0,
  unknown: 0,
  received: 0,
  sent: 1,
  failed: 1,
  delivered: 2,
  read: 3,
};

const firstOf = (known: Timestamp | null, told: Timestamp): Timestamp => (known === null ? told : earliest(known, told));
