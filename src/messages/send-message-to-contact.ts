import { and, eq } from "drizzle-orm";
import { channels } from "../channels/tables.ts";
import { stored } from "../contacts/find-contact.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError, invalid, noSuch } from "../core/errors.ts";
import { mine } from "../db/mine.ts";
import type { SendMessageToContact } from "./contract.ts";
import { assertRunning } from "./find-call.ts";
import { addressesOf, chosenAddress } from "../conversations/addresses.ts";
import { findRecipient } from "../conversations/find-recipient.ts";
import { assertWanted } from "./may-send.ts";
import { lockOneOpen } from "../conversations/one-open.ts";
import type { ConversationRow } from "../conversations/present.ts";
import { beginConversation } from "./receive-message.ts";
import { assertActorMaySend, contentOf, queueMessage } from "./send-message.ts";

/** Queues a message to a contact, in the open conversation on the channel or in a new one; a closed one stays closed. */
export async function sendMessageToContact(ctx: TxCtx, { channel_id, contact_id: given, to: said, ...message }: SendMessageToContact) {
  const [channel] = await ctx.db
    .select()
    .from(channels)
    .where(and(mine(ctx, channels), eq(channels.id, channel_id)));
  if (!channel) throw invalid(noSuch("/channel_id"));
  const to = said && stored(said);
  const contact_id = await findRecipient(ctx, channel, { contact_id: given, to });
  const open = await lockOneOpen(ctx, { channel_id, contact_id });
  const addresses = await addressesOf(ctx, channel, { contact_id, conversation_id: open?.id ?? null });
  const address = chosenAddress(channel, addresses, to);
  await assertActorMaySend(ctx, channel, message, address.last_inbound_at);
  assertWanted(address);
  const content = await contentOf(ctx, channel, message.content);

  const address_id = to ? address.address_id : null;
  if (channel.channel === "twilio_voice") await assertSpokenTo(ctx, open, address_id);
  const conversation = open ?? (await beginConversation(ctx, channel, contact_id, address_id));
  // The conversation's own window, which is another where another address was named.
  const window_opened_at = (open ? addresses[0]! : address).last_inbound_at;
  return queueMessage(ctx, conversation, window_opened_at, { ...message, content, address_id });
}

/** What is written on a telephone line is spoken into a call, with the number that was named; nobody is called for it. */
async function assertSpokenTo(ctx: TxCtx, call: ConversationRow | undefined, address_id: string | null): Promise<void> {
  if (!call) throw new ApiError("call_not_active");
  await assertRunning(ctx, call.id, address_id);
}
