import { and, eq, gt, notExists, sql } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import { partOf } from "../channels/parts.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import { conversations } from "../conversations/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import { judgeRevision } from "./judge-revision.ts";
import { previewOf } from "./preview.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

type Revision = Extract<InboundEvent, { kind: "revision" }>;

/**
 * A message was edited or deleted by who wrote it; what is deleted is deleted with all its files. What is told before the message is
 * kept for it.
 */
export async function applyRevision(ctx: TxCtx, channel: Channel, { external_id, content, occurred_at }: Revision): Promise<Effect> {
  await takeTurnOn(ctx, channel.id, external_id);
  const message = await lockKnownAs(ctx, channel, external_id);
  const others = content === null ? await otherParts(ctx, channel, external_id) : [];
  let is_news = false;
  for (const part of message ? [message, ...others] : others) {
    const changed = judgeRevision(part, { content, occurred_at });
    if (!changed.content) continue;
    is_news = true;
    await ctx.db
      .update(messages)
      .set({ ...changed, updated_at: ctx.now() })
      .where(and(mine(ctx, messages), eq(messages.id, part.id)));
    await previewAgain(ctx, part, changed.content);
  }
  if (!message) return { outcome: "held", held: { content, occurred_at } };
  return is_news ? { outcome: "applied" } : { outcome: "ignored", detail: "a later revision was told before" };
}

async function lockKnownAs(ctx: TxCtx, channel: Channel, external_id: string): Promise<MessageRow | undefined> {
  const [message] = await ctx.db
    .select()
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.channel_id, channel.id), eq(messages.external_id, external_id)))
    .for("update");
  return message;
}

async function otherParts(ctx: TxCtx, channel: Channel, whole: string): Promise<MessageRow[]> {
  const parts: MessageRow[] = [];
  for (let n = 2; ; n++) {
    const part = await lockKnownAs(ctx, channel, partOf(whole, n));
    if (!part) return parts;
    parts.push(part);
  }
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
