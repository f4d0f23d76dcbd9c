import type { Ctx } from "../core/context.ts";
import { extended } from "../core/extended.ts";
import { after, latest, minutes, secondsBetween, type Timestamp } from "../core/time.ts";
import { messagingWindow } from "./messaging-window.ts";
import type { Conversation } from "./contract.ts";
import type { conversations } from "./tables.ts";

export type ConversationRow = typeof conversations.$inferSelect;

/** What a conversation shows of its contact and of its workspace. */
export interface Surroundings {
  /** When the contact last wrote on the channel. */
  window_opened_at: Timestamp | null;
  inactivity_timeout_minutes: number | null;
}

/** A row with what is computed at the moment of reading. */
export function presentConversation(ctx: Ctx, row: ConversationRow, surroundings: Surroundings): Conversation {
  return extended(row, {
    object: "conversation" as const,
    duration_seconds: row.closed_at === null ? null : secondsBetween(row.created_at, row.closed_at),
    inactivity_closes_at: inactivityClosesAt(row, surroundings),
    messaging_window: messagingWindow(row.channel, surroundings.window_opened_at, ctx.now()),
    portal_url: `${ctx.settings.public_url}/portal/conversations/${row.id}`,
  });
}

/**
 * What is `pending` waits for somebody, and a call ends when it is hung up: neither is closed for its silence.
 * The index conversations_silent has the same rule.
 */
function inactivityClosesAt(row: ConversationRow, { inactivity_timeout_minutes }: Surroundings): Timestamp | null {
  const { status, channel, last_message_at, resumed_at } = row;
  if (inactivity_timeout_minutes === null || status !== "open" || channel === "twilio_voice") return null;
  return after(latest(last_message_at, resumed_at ?? last_message_at), minutes(inactivity_timeout_minutes));
}
