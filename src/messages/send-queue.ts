import type { Queue } from "../db/lease.ts";
import { messages } from "./tables.ts";

/**
 * A worker that died may have sent: what it leaves behind is unknown, and never sent again. A conversation's messages go out one
 * after the other, in the order of their writing, whoever sends them.
 */
export const sendQueue: Queue = {
  table: messages,
  lane: messages.channel_id,
  one_after_another_of: messages.conversation_id,
  words: { ready: "queued", waiting: "scheduled", leased: "sending", abandoned: "unknown" },
};
