import { and, asc, eq, sql, type SQL } from "drizzle-orm";
import type { CallState, Content } from "../channels/contract.ts";
import type { ConversationRef } from "../conversations/contract.ts";
import { isOpen, lockConversation } from "../conversations/find-conversation.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

export type CallMessage = MessageRow & { content: Extract<Content, { type: "call" }> };

/** A call is a message of its own, known by the provider's id of it. Locked. */
export async function lockCall(ctx: TxCtx, channel_id: Id<"chan">, external_id: string): Promise<CallMessage | undefined> {
  const [call] = await callsThat(ctx, and(eq(messages.channel_id, channel_id), eq(messages.external_id, external_id))).for("update");
  return call as CallMessage | undefined;
}

/** The call that a conversation is, if it is one. */
export async function callOf(ctx: Ctx, conversation_id: Id<"conv">): Promise<CallMessage | undefined> {
  const [call] = await callsThat(ctx, eq(messages.conversation_id, conversation_id)).orderBy(asc(messages.id)).limit(1);
  return call as CallMessage | undefined;
}

/** The conversation, locked, if something can still be said in it: on a telephone line, while the call runs. */
export async function lockWritable(ctx: TxCtx, ref: ConversationRef) {
  const found = await lockConversation(ctx, ref);
  const { id, channel, status } = found.conversation;
  const is_call = channel === "twilio_voice";
  if (!isOpen(status)) throw new ApiError(is_call ? "call_not_active" : "conversation_closed");
  if (is_call) await assertRunning(ctx, id);
  return found;
}

/** With the address that was named, if one was. */
export async function assertRunning(ctx: Ctx, conversation_id: Id<"conv">, address_id: string | null = null): Promise<void> {
  const call = await callOf(ctx, conversation_id);
  if (!call) return;
  const is_another = address_id !== null && call.address_id !== null && call.address_id !== address_id;
  if (is_another || isOver(call.content.state)) throw new ApiError("call_not_active");
}

export const isOver = (state: CallState): boolean => state !== "ringing" && state !== "in_progress";

const callsThat = (ctx: Ctx, which: SQL | undefined) =>
  ctx.db
    .select()
    .from(messages)
    .where(and(mine(ctx, messages), which, sql`${messages.content} ->> 'type' = 'call'`));
