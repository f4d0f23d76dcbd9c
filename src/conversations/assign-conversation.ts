import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { invalid, noSuch } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { authorOf } from "../team/author.ts";
import { holdMember } from "../team/find-member.ts";
import type { AssignConversation } from "./contract.ts";
import { handedOver } from "./handed-over.ts";
import { lockOpenConversation } from "./find-conversation.ts";
import { presentConversation, type ConversationRow } from "./present.ts";
import { conversation_assignments, conversations } from "./tables.ts";

/** Gives a conversation to a member of the team, who answers in it from now on, or to nobody. */
export async function assignConversation(ctx: TxCtx, { conversation_id, assignee_id }: AssignConversation) {
  // Held before the conversation is, as a member's removal does it: the two never wait for each other in a circle.
  const is_member = assignee_id === null || (await holdMember(ctx, assignee_id));
  const { conversation, ...surroundings } = await lockOpenConversation(ctx, { conversation_id });
  if (!is_member) throw invalid(noSuch("/assignee_id"));
  if (conversation.assignee_id === assignee_id) return presentConversation(ctx, conversation, surroundings);
  return presentConversation(ctx, await moveTo(ctx, conversation, assignee_id), surroundings);
}

/** The change and its history. Whoever is given a conversation is a person. */
export async function moveTo(ctx: TxCtx, conversation: ConversationRow, assignee_id: Id<"mem"> | null): Promise<ConversationRow> {
  const { id: conversation_id, handler_mode: from } = conversation;
  const to = assignee_id === null ? from : "human";
  const now = ctx.now();
  const [moved] = await ctx.db
    .update(conversations)
    .set({ assignee_id, handler_mode: to, ...handedOver(ctx, conversation, to), updated_at: now })
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id)))
    .returning();
  await ctx.db.insert(conversation_assignments).values({
    workspace_id: ctx.workspace_id,
    id: ctx.newId("asg"),
    conversation_id,
    from_id: conversation.assignee_id,
    to_id: assignee_id,
    assigned_by: authorOf(ctx.actor),
    created_at: now,
  });
  if (from !== to) await record(ctx, "conversation.handed_off", conversation_id, { from, to, note: null });
  return moved!;
}
