import { and, eq } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { messages } from "./tables.ts";

/** Whether a message of the channel is known by this id of its provider's. */
export async function isStored(ctx: TxCtx, channel_id: Id<"chan">, external_id: string): Promise<boolean> {
  const found = await ctx.db
    .select({ id: messages.id })
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.channel_id, channel_id), eq(messages.external_id, external_id)));
  return found.length > 0;
}
