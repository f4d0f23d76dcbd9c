import { capabilities } from "../channels/capabilities.ts";
import type { ChannelKind, Content } from "../channels/contract.ts";
import { channels } from "../channels/tables.ts";
import type { Actor, TxCtx } from "../core/context.ts";
import { ApiError, invalid } from "../core/errors.ts";
import { findMine } from "../db/mine.ts";
import type { SendableContent, Sender, SendMessage } from "./contract.ts";
import { lockOpenConversation } from "./find-conversation.ts";
import { messagingWindow } from "./messaging-window.ts";
import { storeMessage } from "./store-message.ts";

/** Queues an outbound message and the webhooks that announce it. Nothing is sent here: the row is the queue. */
export async function sendMessage(ctx: TxCtx, { conversation_id, content, client_reference, metadata }: SendMessage) {
  const { conversation, window_opened_at } = await lockOpenConversation(ctx, { conversation_id });
  const { status } = await findMine(ctx, channels, conversation.channel_id);
  if (status === "disconnected") throw new ApiError("channel_disconnected");
  assertCarries(conversation.channel, content);
  const window = messagingWindow(conversation.channel, window_opened_at, ctx.now());
  if (window.state === "closed") throw new ApiError("messaging_window_closed");

  const message = await storeMessage(ctx, conversation, window_opened_at, {
    direction: "outbound",
    sender: senderOf(ctx.actor),
    content: stored(content),
    status: "queued",
    client_reference: client_reference ?? null,
    metadata: metadata ?? {},
    due_at: ctx.now(),
  });
  ctx.wake("messages");
  return message;
}

function assertCarries(channel: ChannelKind, content: SendableContent): void {
  const { content_types, text_limit, caption_limit } = capabilities[channel];
  if (!content_types.includes(content.type)) {
    throw new ApiError("content_type_unsupported", { detail: `The channel ${channel} carries ${content_types.join(" and ")} only.` });
  }
  const [field, text, { max, unit }] =
    content.type === "text"
      ? (["text", content.text, text_limit] as const)
      : (["caption", content.caption ?? "", { max: caption_limit, unit: "characters" }] as const);
  const length = unit === "bytes" ? Buffer.byteLength(text) : [...text].length;
  if (length > max) {
    throw invalid({
      pointer: `/content/${field}`,
      code: "too_large",
      detail: `content.${field}: the channel ${channel} takes at most ${max} ${unit}.`,
    });
  }
}

const stored = (content: SendableContent): Content =>
  content.type === "text" ? content : { ...content, caption: content.caption || null };

function senderOf(actor: Actor): Sender {
  const type = actor.type === "api_key" ? "api" : "system";
  return { type, id: actor.id, name: actor.name };
}
