import { and, eq } from "drizzle-orm";
import type { PgInsertValue } from "drizzle-orm/pg-core";
import { channels } from "../channels/tables.ts";
import { stored } from "../contacts/find-contact.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError, invalid, noSuch } from "../core/errors.ts";
import { mine } from "../db/mine.ts";
import { addressesOf, chosenAddress } from "./addresses.ts";
import { newConversation } from "./new-conversation.ts";
import type { StartConversation } from "./contract.ts";
import { showLockedConversation } from "./find-conversation.ts";
import { findRecipient } from "./find-recipient.ts";
import { lockOneOpen, oneOpen } from "./one-open.ts";
import type { ConversationRow } from "./present.ts";
import { otherIsOpen } from "./status-steps.ts";
import { conversations } from "./tables.ts";

/** Opens a conversation in which nothing has been said yet. */
export async function startConversation(ctx: TxCtx, { channel_id, contact_id, to: said, ...about }: StartConversation) {
  const [channel] = await ctx.db
    .select()
    .from(channels)
    .where(and(mine(ctx, channels), eq(channels.id, channel_id)));
  if (!channel) throw invalid(noSuch("/channel_id"));
  if (channel.status === "disconnected") throw new ApiError("channel_disconnected");
  if (channel.channel === "twilio_voice") throw new ApiError("call_not_active");
  const to = said && stored(said);
  const recipient = await findRecipient(ctx, channel, { contact_id, to });
  const address = chosenAddress(channel, await addressesOf(ctx, channel, { contact_id: recipient, conversation_id: null }), to);

  const row = newConversation(ctx, channel, recipient, to ? address.address_id : null);
  const conversation = await open(ctx, { ...row, ...about, handler_mode: about.handler_mode ?? row.handler_mode });
  return showLockedConversation(ctx, { conversation_id: conversation.id });
}

async function open(
  ctx: TxCtx,
  row: PgInsertValue<typeof conversations> & Pick<ConversationRow, "channel_id" | "contact_id">,
): Promise<ConversationRow> {
  const [opened] = await ctx.db.insert(conversations).values(row).onConflictDoNothing(oneOpen).returning();
  if (opened) return opened;
  const other = await lockOneOpen(ctx, row);
  if (other) throw otherIsOpen(other.id);
  // It was closed meanwhile.
  return open(ctx, row);
}
