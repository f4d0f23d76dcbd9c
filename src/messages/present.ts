import { extended } from "../core/extended.ts";
import type { Message, MessageStatus, StoredMessageStatus } from "./contract.ts";
import type { messages } from "./tables.ts";

export type MessageRow = typeof messages.$inferSelect;

export const presentMessage = (row: MessageRow): Message =>
  extended(row, { object: "message" as const, status: presentStatus(row.status) });

/** A message that waits for another try is still queued to whoever looks from outside. */
export const presentStatus = (status: StoredMessageStatus): MessageStatus => (status === "scheduled" ? "queued" : status);
