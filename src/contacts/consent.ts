import { and, eq, isNotNull } from "drizzle-orm";
import type { Consent } from "../channels/providers/provider.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { contact_channels } from "./tables.ts";

/** Keeps what a contact, who just wrote on the channel, said about being written to there. */
export async function keepConsent(ctx: TxCtx, channel_id: Id<"chan">, contact_id: Id<"cont">, consent: Consent): Promise<void> {
  await ctx.db
    .update(contact_channels)
    .set({ opted_out_at: consent === "withdrawn" ? ctx.now() : null })
    .where(onChannel(ctx, channel_id, contact_id));
}

/** Whether the contact wants no messages on the channel. */
export async function hasOptedOut(ctx: Ctx, channel_id: Id<"chan">, contact_id: Id<"cont">): Promise<boolean> {
  const found = await ctx.db
    .select({ opted_out_at: contact_channels.opted_out_at })
    .from(contact_channels)
    .where(and(onChannel(ctx, channel_id, contact_id), isNotNull(contact_channels.opted_out_at)));
  return found.length > 0;
}

const onChannel = (ctx: Ctx, channel_id: Id<"chan">, contact_id: Id<"cont">) =>
  and(mine(ctx, contact_channels), eq(contact_channels.channel_id, channel_id), eq(contact_channels.contact_id, contact_id));
