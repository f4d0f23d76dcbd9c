import type { Queue } from "../db/lease.ts";
import { messages } from "./tables.ts";

/** A worker that died may have sent: what it leaves behind is unknown, and never sent again. */
export const sendQueue: Queue = {
  table: messages,
  lane: messages.channel_id,
  words: { ready: "queued", waiting: "scheduled", leased: "sending", abandoned: "unknown" },
};
