import { capabilities } from "../channels/capabilities.ts";
import type { ChannelKind, Content } from "../channels/contract.ts";
import type { channels } from "../channels/tables.ts";
import { hasOptedOut } from "../contacts/consent.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError, invalid } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import type { SendableContent, Sender } from "./contract.ts";
import { messagingWindow } from "../conversations/messaging-window.ts";

type Channel = Pick<typeof channels.$inferSelect, "id" | "channel" | "status">;

/** Refuses where the contact asked for no more messages. */
export async function assertWanted(ctx: Ctx, channel: Channel, contact_id: Id<"cont">): Promise<void> {
  if (!(await isWanted(ctx, channel, contact_id))) throw new ApiError("recipient_opted_out");
}

/** By SMS alone people tell it us; elsewhere only the provider knows. */
export const isWanted = async (ctx: Ctx, { id, channel }: Channel, contact_id: Id<"cont">): Promise<boolean> =>
  channel !== "twilio_sms" || !(await hasOptedOut(ctx, id, contact_id));

interface Candidate {
  content: SendableContent | Content;
  sender: Sender;
  human_agent: boolean;
}

/** Refuses what the channel could not carry, or its provider would not take at this moment. */
export function assertMaySend(ctx: Ctx, { channel, status }: Channel, message: Candidate, window_opened_at: Timestamp | null): void {
  if (status === "disconnected") throw new ApiError("channel_disconnected");
  assertCarries(channel, message.content);
  if (admission(ctx, channel, message, window_opened_at) === "refused") throw new ApiError("messaging_window_closed");
}

/** How the window lets a message through at this moment, if it does. */
export function admission(
  ctx: Pick<Ctx, "now">,
  channel: ChannelKind,
  { sender, human_agent }: Omit<Candidate, "content">,
  window_opened_at: Timestamp | null,
): "free" | "as_human_agent" | "refused" {
  const { state } = messagingWindow(channel, window_opened_at, ctx.now());
  if (state === "closed") return "refused";
  if (state !== "human_agent_only") return "free";
  return human_agent && people.includes(sender.type) ? "as_human_agent" : "refused";
}

/** Whose word it is that a person wrote. What a machine composed is never a person's, whoever says so. */
const people: readonly Sender["type"][] = ["team_member", "api"];

function assertCarries(channel: ChannelKind, content: SendableContent | Content): void {
  const { text_limit, captions } = capabilities[channel];
  if (content.type === "text") return assertWithin(channel, "text", content.text, text_limit);
  const max = content.type === "media" ? captions[content.media_type] : undefined;
  if (content.type !== "media" || max === undefined) {
    const kinds = ["text", ...Object.keys(captions)].join(", ");
    throw new ApiError("content_type_unsupported", { detail: `The channel ${channel} carries ${kinds} only.` });
  }
  assertWithin(channel, "caption", content.caption ?? "", { max, unit: "characters" });
}

function assertWithin(
  channel: ChannelKind,
  field: string,
  text: string,
  { max, unit }: { max: number; unit: "characters" | "bytes" },
): void {
  const length = unit === "bytes" ? Buffer.byteLength(text) : [...text].length;
  if (length <= max) return;
  throw invalid({
    pointer: `/content/${field}`,
    code: "too_large",
    detail: `content.${field}: the channel ${channel} takes at most ${max} ${unit}.`,
  });
}
