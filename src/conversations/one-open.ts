import { and, desc, eq, inArray, sql } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import { openStatuses } from "./contract.ts";
import type { ConversationRow } from "./present.ts";
import { conversations } from "./tables.ts";

/** The index conversations_one_open, as the target of a conflict. */
export const oneOpen = {
  target: [conversations.workspace_id, conversations.channel_id, conversations.contact_id],
  where: sql`status in ('open', 'pending') and channel <> 'twilio_voice'`,
};

/** The open conversation with a contact on a channel, locked; of several calls the newest. */
export async function lockOneOpen(
  ctx: TxCtx,
  { channel_id, contact_id }: Pick<ConversationRow, "channel_id" | "contact_id">,
): Promise<ConversationRow | undefined> {
  const [open] = await ctx.db
    .select()
    .from(conversations)
    .where(
      and(
        mine(ctx, conversations),
        eq(conversations.channel_id, channel_id),
        eq(conversations.contact_id, contact_id),
        inArray(conversations.status, [...openStatuses]),
      ),
    )
    .orderBy(desc(conversations.id))
    .limit(1)
    .for("update");
  return open;
}
