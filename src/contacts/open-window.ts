import { and, eq, sql } from "drizzle-orm";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { contact_channels } from "./tables.ts";

/** The contact wrote: the window of this channel opens from there. Late news never moves it back. */
export async function openWindow(ctx: TxCtx, channel_id: Id<"chan">, contact_id: Id<"cont">, at: Timestamp): Promise<Timestamp> {
  const [opened] = await ctx.db
    .insert(contact_channels)
    .values({ workspace_id: ctx.workspace_id, channel_id, contact_id, last_inbound_at: at })
    .onConflictDoUpdate({
      target: [contact_channels.workspace_id, contact_channels.channel_id, contact_channels.contact_id],
      set: { last_inbound_at: sql`greatest(${contact_channels.last_inbound_at}, excluded.last_inbound_at)` },
    })
    .returning({ last_inbound_at: contact_channels.last_inbound_at });
  return opened!.last_inbound_at;
}

/** When the contact last wrote on the channel; null if never. */
export async function windowOpenedAt(ctx: Ctx, channel_id: Id<"chan">, contact_id: Id<"cont">): Promise<Timestamp | null> {
  const [opened] = await ctx.db
    .select({ last_inbound_at: contact_channels.last_inbound_at })
    .from(contact_channels)
    .where(and(mine(ctx, contact_channels), eq(contact_channels.channel_id, channel_id), eq(contact_channels.contact_id, contact_id)));
  return opened?.last_inbound_at ?? null;
}
