import { and, eq } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { latest, secondsBetween, type Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { emit } from "../webhooks/emit.ts";
import type { ClosedBy, ConversationRef } from "./contract.ts";
import { conversationEnd } from "./events.ts";
import { lockOpenConversation } from "./find-conversation.ts";
import { presentConversation, type ConversationRow } from "./present.ts";
import { conversations } from "./tables.ts";

/** Marks a conversation resolved and announces its end. Messages that are still queued are sent all the same. */
export async function closeConversation(ctx: TxCtx, { conversation_id }: ConversationRef) {
  const { conversation, window_opened_at } = await lockOpenConversation(ctx, { conversation_id });
  return endConversation(ctx, conversation, window_opened_at, {
    status: "resolved",
    closed_by: ctx.actor.type === "member" ? "team_member" : "api",
  });
}

interface Ending {
  status: "resolved" | "timed_out" | "ended";
  closed_by: ClosedBy;
}

/** Ends an open conversation, which is locked, and announces it. */
export async function endConversation(ctx: TxCtx, conversation: ConversationRow, window_opened_at: Timestamp | null, how: Ending) {
  const now = ctx.now();
  const { id: conversation_id, created_at } = conversation;
  const ending = { ...how, closed_at: latest(now, created_at), updated_at: now };
  await ctx.db
    .update(conversations)
    .set(ending)
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id)));

  const closed = presentConversation(ctx, { ...conversation, ...ending }, window_opened_at);
  const { status, closed_by, closed_at } = ending;
  const { channel, portal_url } = closed;
  const duration_seconds = secondsBetween(created_at, closed_at);
  await emit(
    ctx,
    conversationEnd,
    { conversation_id, channel, status, duration_seconds, portal_url, closed_by, conversation: closed },
    { channel, conversation_id },
  );
  return closed;
}
