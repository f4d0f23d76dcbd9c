import { getTableColumns, sql } from "drizzle-orm";
import type { Content } from "../channels/contract.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { channels } from "../channels/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { selection } from "../db/selection.ts";
import { slot, whose } from "../db/statement.ts";
import { authorOf } from "../team/author.ts";
import type { SendableContent, SendMessage } from "./contract.ts";
import { lockWritable } from "./find-call.ts";
import { assertMaySend, assertWanted } from "./may-send.ts";
import { addressesOf } from "../conversations/addresses.ts";
import type { ConversationRow } from "../conversations/present.ts";
import { conversations } from "../conversations/tables.ts";
import { assertTemplate } from "../templates/judge-template.ts";
import { storeMessage } from "./store-message.ts";

type NewMessage = Omit<SendMessage, "conversation_id">;
type Judged = Omit<NewMessage, "content"> & { content: Content; address_id?: string | null };

/** Queues an outbound message and the webhooks that announce it. */
export async function sendMessage(ctx: TxCtx, { conversation_id, ...message }: SendMessage) {
  const [{ conversation, window_opened_at }, channel] = await Promise.all([
    lockWritable(ctx, { conversation_id }),
    channelOf(ctx, conversation_id),
  ]);
  await assertActorMaySend(ctx, channel, message, window_opened_at);
  // Where people tell us that they want no messages, they tell it of the address they write from.
  if (channel.channel === "twilio_sms") assertWanted((await addressesOf(ctx, channel, { ...conversation, conversation_id }))[0]);
  return queueMessage(ctx, conversation, window_opened_at, { ...message, content: await contentOf(ctx, channel, message.content) });
}

/** A conversation keeps its channel for ever, so it may be asked for in the same round trip as the conversation. */
async function channelOf({ db, workspace_id }: TxCtx, conversation_id: Id<"conv">): Promise<Channel> {
  const [channel] = await ofConversation(db, { workspace_id, id: conversation_id });
  if (!channel) throw new ApiError("not_found");
  return channel;
}

const ofConversation = selection<Channel>(getTableColumns(channels), (db) => db.select().from(channels)).always(
  sql`${whose(channels)} and ${channels.id} =
    (select channel_id from ${conversations} where ${whose(conversations)} and ${conversations.id} = ${slot(conversations.id)})`,
);

/** The same judgement for whoever asks, before anything is stored. */
export const assertActorMaySend = (ctx: TxCtx, channel: Channel, message: NewMessage, window_opened_at: Timestamp | null): Promise<void> =>
  assertMaySend(ctx, channel, { ...message, sender: authorOf(ctx.actor) }, window_opened_at);

/** Nothing is sent here: the row is the queue. */
export async function queueMessage(
  ctx: TxCtx,
  conversation: ConversationRow,
  window_opened_at: Timestamp | null,
  { content, client_reference, metadata, human_agent, address_id }: Judged,
) {
  const message = await storeMessage(ctx, conversation, window_opened_at, {
    direction: "outbound",
    sender: authorOf(ctx.actor),
    content,
    status: "queued",
    client_reference: client_reference ?? null,
    metadata: metadata ?? {},
    human_agent,
    address_id: address_id ?? null,
    due_at: ctx.now(),
  });
  ctx.wake("messages");
  return message;
}

/** As it is stored: of a template what it says, if it may be sent at all. */
export async function contentOf(ctx: TxCtx, channel: Channel, content: SendableContent): Promise<Content> {
  if (content.type === "text") return content;
  if (content.type === "media") return { ...content, caption: content.caption || null };
  return { ...content, text: (await assertTemplate(ctx, channel, content)).text };
}
