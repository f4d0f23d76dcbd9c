import type { Ctx } from "../core/context.ts";
import { secondsBetween, type Timestamp } from "../core/time.ts";
import { messagingWindow } from "./messaging-window.ts";
import type { Conversation, Message, MessageStatus, StoredMessageStatus } from "./contract.ts";
import type { conversations, messages } from "./tables.ts";

export type ConversationRow = typeof conversations.$inferSelect;
export type MessageRow = typeof messages.$inferSelect;

/** A row with what is computed at the moment of reading. */
export function presentConversation(ctx: Ctx, row: ConversationRow, window_opened_at: Timestamp | null): Conversation {
  return {
    ...row,
    object: "conversation",
    duration_seconds: row.closed_at === null ? null : secondsBetween(row.created_at, row.closed_at),
    messaging_window: messagingWindow(row.channel, window_opened_at, ctx.now()),
    portal_url: `${ctx.settings.public_url}/portal/conversations/${row.id}`,
  };
}

export const presentMessage = (row: MessageRow): Message => ({
  ...row,
  object: "message",
  status: presentStatus(row.status),
});

/** A message that waits for another try is still queued to whoever looks from outside. */
export const presentStatus = (status: StoredMessageStatus): MessageStatus => (status === "scheduled" ? "queued" : status);
