import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { changesOf } from "../core/changes.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { patched } from "../core/patched.ts";
import { mine } from "../db/mine.ts";
import type { UpdateConversation } from "./contract.ts";
import { isOpen, lockConversation } from "./find-conversation.ts";
import { handedOver } from "./handed-over.ts";
import { presentConversation, type ConversationRow } from "./present.ts";
import { leadsTo, refusedStep } from "./status-steps.ts";
import { conversations } from "./tables.ts";

/** Changes what is named and leaves the rest. What is so already is no change. */
export async function updateConversation(ctx: TxCtx, { conversation_id, metadata, ...wanted }: UpdateConversation) {
  const { conversation, ...surroundings } = await lockConversation(ctx, { conversation_id });
  const changes = changesOf(conversation, { ...wanted, metadata: patched(conversation.metadata, metadata) });
  assertMayChange(conversation, changes);
  if (Object.keys(changes).length === 0) return presentConversation(ctx, conversation, surroundings);

  const now = ctx.now();
  const [updated] = await ctx.db
    .update(conversations)
    .set({
      ...changes,
      ...handedOver(ctx, conversation, changes.handler_mode),
      ...(changes.status === "open" && { resumed_at: now }),
      updated_at: now,
    })
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id)))
    .returning();
  if (changes.handler_mode) {
    await record(ctx, "conversation.handed_off", conversation_id, {
      from: conversation.handler_mode,
      to: changes.handler_mode,
      note: null,
    });
  }
  return presentConversation(ctx, updated!, surroundings);
}

/** A closed conversation can still be sorted and labelled, but nobody handles it. */
function assertMayChange(
  { status: from }: ConversationRow,
  { status: to, handler_mode }: Partial<Pick<UpdateConversation, "status" | "handler_mode">>,
): void {
  if (!isOpen(from) && (to || handler_mode)) throw new ApiError("conversation_closed");
  if (to && !leadsTo(from, to)) throw refusedStep(from, `A conversation that is ${from} is not made ${to} here: POST /close closes it.`);
}
