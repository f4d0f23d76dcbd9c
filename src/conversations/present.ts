import type { Ctx } from "../core/context.ts";
import { secondsBetween, type Timestamp } from "../core/time.ts";
import { messagingWindow } from "./messaging-window.ts";
import type { Conversation } from "./contract.ts";
import type { conversations } from "./tables.ts";

export type ConversationRow = typeof conversations.$inferSelect;
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
