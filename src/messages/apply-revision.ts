import { and, eq, gt, notExists, sql } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import { conversations } from "../conversations/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import { judgeRevision } from "./judge-revision.ts";
import { previewOf } from "./preview.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

type Revision = Extract<InboundEvent, { kind: "revision" }>;

/** A message was edited or deleted by who wrote it. What is told before the message is kept for it. */
export async function applyRevision(ctx: TxCtx, channel: Channel, { external_id, content, occurred_at }: Revision): Promise<Effect> {
  await takeTurnOn(ctx, channel.id, external_id);
  const [message] = await ctx.db
    .select()
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.channel_id, channel.id), eq(messages.external_id, external_id)))
    .for("update");
  if (!message) return { outcome: "held", held: { content, occurred_at } };

  const changed = judgeRevision(message, { content, occurred_at });
  if (!changed.content) return { outcome: "ignored", detail: "a later revision was told before" };
  await ctx.db
    .update(messages)
    .set({ ...changed, updated_at: ctx.now() })
    .where(and(mine(ctx, messages), eq(messages.id, message.id)));
  await previewAgain(ctx, message, changed.content);
  return { outcome: "applied" };
}

/** A conversation shows its last message as that reads now. */
export async function previewAgain(ctx: TxCtx, { id, conversation_id }: MessageRow, content: MessageRow["content"]): Promise<void> {
  const later = ctx.db
    .select({ one: sql`1` })
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.conversation_id, conversation_id), gt(messages.id, id)));
  await ctx.db
    .update(conversations)
    .set({ last_message_preview: previewOf(content), updated_at: ctx.now() })
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id), notExists(later)));
}
