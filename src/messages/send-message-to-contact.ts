import { and, eq } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { channels } from "../channels/tables.ts";
import { windowOpenedAt } from "../contacts/open-window.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError, invalid, noSuch } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import type { SendMessageToContact } from "./contract.ts";
import { assertRunning } from "./find-call.ts";
import { findRecipient } from "../conversations/find-recipient.ts";
import { assertWanted } from "./may-send.ts";
import { lockOneOpen } from "../conversations/one-open.ts";
import type { ConversationRow } from "../conversations/present.ts";
import { openConversation } from "./receive-message.ts";
import { assertActorMaySend, contentOf, queueMessage } from "./send-message.ts";

/** Queues a message to a contact, in the open conversation on the channel or in a new one; a closed one stays closed. */
export async function sendMessageToContact(ctx: TxCtx, { channel_id, contact_id, to, ...message }: SendMessageToContact) {
  const [channel] = await ctx.db
    .select()
    .from(channels)
    .where(and(mine(ctx, channels), eq(channels.id, channel_id)));
  if (!channel) throw invalid(noSuch("/channel_id"));
  const recipient = await findRecipient(ctx, channel, { contact_id, to });
  const window_opened_at = await windowOpenedAt(ctx, channel_id, recipient);
  await assertActorMaySend(ctx, channel, message, window_opened_at);
  await assertWanted(ctx, channel, recipient);
  const content = await contentOf(ctx, channel, message.content);

  const { channel: kind } = channel;
  const conversation =
    kind === "twilio_voice" ? await runningCall(ctx, channel, recipient) : await openConversation(ctx, channel, recipient);
  return queueMessage(ctx, conversation, window_opened_at, { ...message, content });
}

/** What is written on a telephone line is spoken into a call; nobody is called for it. */
async function runningCall(ctx: TxCtx, { id }: Channel, contact_id: Id<"cont">): Promise<ConversationRow> {
  const call = await lockOneOpen(ctx, { channel_id: id, contact_id });
  if (!call) throw new ApiError("call_not_active");
  await assertRunning(ctx, call.id);
  return call;
}
