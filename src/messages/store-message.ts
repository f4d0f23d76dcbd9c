import { and, eq, sql } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { emit } from "../webhooks/emit.ts";
import { newMessage } from "./events.ts";
import { previewOf } from "./preview.ts";
import { presentConversation, type ConversationRow } from "../conversations/present.ts";
import { presentMessage } from "./present.ts";
import { conversations } from "../conversations/tables.ts";
import { messages } from "./tables.ts";

type NewMessage = Pick<typeof messages.$inferInsert, "direction" | "sender" | "content" | "status"> &
  Partial<Pick<typeof messages.$inferInsert, "external_id" | "client_reference" | "metadata" | "human_agent" | "sent_at" | "due_at">>;

/** Puts a message into its conversation and announces it. `window_opened_at` as it is after this message. */
export async function storeMessage(ctx: TxCtx, conversation: ConversationRow, window_opened_at: Timestamp | null, message: NewMessage) {
  const now = ctx.now();
  const { workspace_id, id: conversation_id, contact_id, channel, channel_id } = conversation;
  const [stored] = await ctx.db
    .insert(messages)
    .values({
      ...message,
      workspace_id,
      id: ctx.newId("msg"),
      conversation_id,
      contact_id,
      channel,
      channel_id,
      created_at: now,
      updated_at: now,
    })
    .returning();

  const inbound = message.direction === "inbound";
  const [updated] = await ctx.db
    .update(conversations)
    .set({
      message_count: sql`${conversations.message_count} + 1`,
      last_message_preview: previewOf(message.content),
      last_message_at: now,
      updated_at: now,
      ...(inbound ? { last_inbound_at: now } : { first_response_at: firstResponse(now) }),
    })
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id)))
    .returning();

  if (channel === "web_widget") ctx.wake(`visitor:${contact_id}`);

  const shown = presentMessage(stored!);
  await emit(
    ctx,
    newMessage,
    { message: shown, conversation: presentConversation(ctx, updated!, window_opened_at) },
    { channel, conversation_id },
  );
  return shown;
}

/** The first outbound message after the contact wrote: before, there is nothing to respond to. */
const firstResponse = (now: Timestamp) =>
  sql`case when ${conversations.last_inbound_at} is not null then coalesce(${conversations.first_response_at}, ${now}::timestamptz) end`;
