import { capabilities } from "../channels/capabilities.ts";
import type { ChannelKind, Content } from "../channels/contract.ts";
import type { channels } from "../channels/tables.ts";
import { hasOptedOut } from "../contacts/consent.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError, invalid } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import type { SendableContent } from "./contract.ts";
import { messagingWindow } from "../conversations/messaging-window.ts";

type Channel = Pick<typeof channels.$inferSelect, "id" | "channel" | "status">;

/** Refuses where the contact asked for no more messages. */
export async function assertWanted(ctx: Ctx, channel: Channel, contact_id: Id<"cont">): Promise<void> {
  if (!(await isWanted(ctx, channel, contact_id))) throw new ApiError("recipient_opted_out");
}

/** By SMS alone people tell it us; elsewhere only the provider knows. */
export const isWanted = async (ctx: Ctx, { id, channel }: Channel, contact_id: Id<"cont">): Promise<boolean> =>
  channel !== "twilio_sms" || !(await hasOptedOut(ctx, id, contact_id));

/** Refuses what the channel could not carry, or its provider would not take at this moment. */
export function assertMaySend(
  ctx: Ctx,
  { channel, status }: Channel,
  content: SendableContent | Content,
  window_opened_at: Timestamp | null,
): void {
  if (status === "disconnected") throw new ApiError("channel_disconnected");
  assertCarries(channel, content);
  if (messagingWindow(channel, window_opened_at, ctx.now()).state === "closed") throw new ApiError("messaging_window_closed");
}

function assertCarries(channel: ChannelKind, content: SendableContent | Content): void {
  const { content_types, text_limit, caption_limit } = capabilities[channel];
  const { type } = content;
  if (type === "call" || type === "recording" || !content_types.includes(type)) {
    throw new ApiError("content_type_unsupported", { detail: `The channel ${channel} carries ${content_types.join(" and ")} only.` });
  }
  const [field, text, { max, unit }] =
    type === "text"
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
