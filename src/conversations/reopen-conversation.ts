import { and, eq } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { isUniqueViolation } from "../db/constraint.ts";
import { mine } from "../db/mine.ts";
import { holdMember } from "../team/find-member.ts";
import { moveTo } from "./assign-conversation.ts";
import type { ConversationRef } from "./contract.ts";
import { isOpen, lockConversation } from "./find-conversation.ts";
import { lockOneOpen } from "./one-open.ts";
import { presentConversation, type ConversationRow } from "./present.ts";
import { leadsTo, otherIsOpen, refusedStep } from "./status-steps.ts";
import { conversations } from "./tables.ts";

/** Goes on with a conversation that was resolved or timed out, as if it had never been closed. */
export async function reopenConversation(ctx: TxCtx, { conversation_id }: ConversationRef) {
  const { conversation, ...surroundings } = await lockConversation(ctx, { conversation_id });
  const { status } = conversation;
  if (isOpen(status)) throw refusedStep(status, `The conversation is not closed: it is ${status}.`);
  if (!leadsTo(status, "open")) throw refusedStep(status, "What the contact ended stays ended.");
  const reopened = await reopen(ctx, conversation);
  return presentConversation(ctx, await released(ctx, reopened), surroundings);
}

/** Whoever left the team since has no open conversations. */
async function released(ctx: TxCtx, conversation: ConversationRow): Promise<ConversationRow> {
  const { assignee_id } = conversation;
  return assignee_id === null || (await holdMember(ctx, assignee_id)) ? conversation : moveTo(ctx, conversation, null);
}

/** Only the index knows of a conversation that is being opened at this very moment. */
async function reopen(ctx: TxCtx, conversation: ConversationRow): Promise<ConversationRow> {
  const now = ctx.now();
  const open = { status: "open", closed_at: null, closed_by: null, resumed_at: now, updated_at: now } as const;
  try {
    const [reopened] = await ctx.db.transaction((savepoint) =>
      savepoint
        .update(conversations)
        .set(open)
        .where(and(mine(ctx, conversations), eq(conversations.id, conversation.id)))
        .returning(),
    );
    return reopened!;
  } catch (error) {
    if (!isUniqueViolation(error, "conversations_one_open")) throw error;
    const other = await lockOneOpen(ctx, conversation);
    if (other) throw otherIsOpen(other.id);
    // It was closed again meanwhile.
    return reopen(ctx, conversation);
  }
}
