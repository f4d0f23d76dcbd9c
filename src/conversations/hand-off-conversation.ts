import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { HandOffConversation } from "./contract.ts";
import { lockOpenConversation } from "./find-conversation.ts";
import { presentConversation } from "./present.ts";
import { handedOver } from "./handed-over.ts";
import { conversations } from "./tables.ts";

/** Says who answers from now on; who said so, and why, stays in the audit log. */
export async function handOffConversation(ctx: TxCtx, { conversation_id, to, note }: HandOffConversation) {
  const { conversation, ...surroundings } = await lockOpenConversation(ctx, { conversation_id });
  const [handed] = await ctx.db
    .update(conversations)
    .set({ handler_mode: to, ...handedOver(ctx, conversation, to), updated_at: ctx.now() })
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id)))
    .returning();
  await record(ctx, "conversation.handed_off", conversation_id, { from: conversation.handler_mode, to, note: note ?? null });
  return presentConversation(ctx, handed!, surroundings);
}
