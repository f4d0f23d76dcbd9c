import { eq } from "drizzle-orm";
import { capabilities } from "../channels/capabilities.ts";
import type { ChannelKind, Content } from "../channels/contract.ts";
import type { channels } from "../channels/tables.ts";
import type { Address } from "../conversations/addresses.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError, invalid } from "../core/errors.ts";
import type { Timestamp } from "../core/time.ts";
import type { SendableContent, Sender } from "./contract.ts";
import { messagingWindow } from "../conversations/messaging-window.ts";
import { workspaces } from "../workspaces/tables.ts";

type Channel = Pick<typeof channels.$inferSelect, "id" | "channel" | "status">;

/** Refuses where the owner of the address asked for no more messages. */
export function assertWanted(address: Address | undefined): void {
  if (!isWanted(address)) throw new ApiError("recipient_opted_out");
}

/** By SMS alone people tell it us; elsewhere only the provider knows. */
export const isWanted = (address: Address | undefined): boolean => !address?.opted_out_at;

/** It goes to the address that it names, and to no other. */
export const address_gone = "The contact no longer has the address that the message is for.";

interface Candidate {
  content: SendableContent | Content;
  sender: Sender;
  human_agent: boolean;
}

/** Refuses what the channel could not carry, or its provider would not take at this moment. */
export async function assertMaySend(
  ctx: Ctx,
  { channel, status }: Channel,
  message: Candidate,
  window_opened_at: Timestamp | null,
): Promise<void> {
  if (status === "disconnected") throw new ApiError("channel_disconnected");
  assertCarries(channel, message.content);
  if ((await admit(ctx, channel, message, window_opened_at)) === "refused") throw new ApiError("messaging_window_closed");
}

type Admission = "free" | "as_human_agent" | "as_template" | "refused";

/** How the window lets a message through at this moment, if it and the workspace do. */
export async function admit(ctx: Ctx, channel: ChannelKind, message: Candidate, window_opened_at: Timestamp | null): Promise<Admission> {
  const admitted = admission(ctx, channel, message, window_opened_at);
  return admitted === "as_template" && !(await takesTemplatesAnytime(ctx)) ? "refused" : admitted;
}

export function admission(
  ctx: Pick<Ctx, "now">,
  channel: ChannelKind,
  { content, sender, human_agent }: Candidate,
  window_opened_at: Timestamp | null,
): Admission {
  const { state } = messagingWindow(channel, window_opened_at, ctx.now());
  if (state === "closed") return content.type === "template" ? "as_template" : "refused";
  if (state !== "human_agent_only") return "free";
  return human_agent && people.includes(sender.type) ? "as_human_agent" : "refused";
}

/** WhatsApp takes a template at any time; a workspace may want less. */
async function takesTemplatesAnytime({ db, workspace_id }: Ctx): Promise<boolean> {
  const [workspace] = await db
    .select({ whatsapp_templates: workspaces.whatsapp_templates })
    .from(workspaces)
    .where(eq(workspaces.id, workspace_id));
  return workspace?.whatsapp_templates === "anytime";
}

/** Whose word it is that a person wrote. What a machine composed is never a person's, whoever says so. */
const people: readonly Sender["type"][] = ["team_member", "api"];

function assertCarries(channel: ChannelKind, content: SendableContent | Content): void {
  const { text_limit, captions, templates } = capabilities[channel];
  if (content.type === "template" && templates) return;
  if (content.type === "text") return assertWithin(channel, "text", content.text, text_limit);
  const max = content.type === "media" ? captions[content.media_type] : undefined;
  if (content.type !== "media" || max === undefined) {
    const kinds = ["text", ...Object.keys(captions), ...(templates ? ["template"] : [])].join(", ");
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
