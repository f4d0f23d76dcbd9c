import { and, desc, eq, sql } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { conversations } from "../conversations/tables.ts";
import { mine } from "../db/mine.ts";
import { previewOf } from "./preview.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

/** Somebody of the team wrote it in the provider's inbox, and nobody knows who. */
export const foreign_sender = { type: "team_member", id: null, name: null } as const;
export const isForeign = ({ direction, sender }: MessageRow): boolean =>
  direction === "outbound" && sender.type === foreign_sender.type && sender.id === null;

/**
 * The provider's id shows that what was taken for somebody's own message was the echo of one of ours: ours has its id, its
 * times and what was reported of it, and the other one is no more. That it was announced once cannot be undone.
 */
export async function takeOver(ctx: TxCtx, ours: Id<"msg">, foreign: MessageRow): Promise<MessageRow> {
  const now = ctx.now();
  await ctx.db.delete(messages).where(and(mine(ctx, messages), eq(messages.id, foreign.id)));
  await leaveConversation(ctx, foreign);
  const { external_id, status, error, sent_at, delivered_at, read_at, failed_at } = foreign;
  const told = { external_id, status, error, sent_at, delivered_at, read_at, failed_at };
  const [taken] = await ctx.db
    .update(messages)
    .set({ ...told, due_at: null, lease_id: null, lease_until: null, updated_at: now })
    .where(and(mine(ctx, messages), eq(messages.id, ours)))
    .returning();
  return taken!;
}

/** It is counted no more, and shown no more as the last. */
async function leaveConversation(ctx: TxCtx, { conversation_id }: MessageRow): Promise<void> {
  const [last] = await ctx.db
    .select({ content: messages.content, created_at: messages.created_at })
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.conversation_id, conversation_id)))
    .orderBy(desc(messages.id))
    .limit(1);
  await ctx.db
    .update(conversations)
    .set({
      message_count: sql`${conversations.message_count} - 1`,
      last_message_preview: last ? previewOf(last.content) : null,
      ...(last && { last_message_at: last.created_at }),
      updated_at: ctx.now(),
    })
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id)));
}
