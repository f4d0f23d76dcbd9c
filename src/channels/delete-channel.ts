import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { ChannelRef } from "./contract.ts";
import { sealCredentials } from "./credentials.ts";
import { liveChannel } from "./find-channel.ts";
import { keepTemplates } from "./keep-templates.ts";
import { channel_routes, channels } from "./tables.ts";

/**
 * Takes a channel out of service for good: its hooks answer no more, its credentials are wiped, and what waits to be
 * sent fails. Its conversations stay readable.
 */
export async function deleteChannel(ctx: TxCtx, { channel_id }: ChannelRef) {
  const { id, channel, provider, name, account_id } = await liveChannel(ctx, channel_id, { lock: "update" });
  const now = ctx.now();
  await ctx.db
    .update(channels)
    .set({
      ...sealCredentials(ctx, { channel, provider }, {}),
      template_account: null,
      status: "disconnected",
      error: null,
      verified_at: null,
      deleted_at: now,
      updated_at: now,
    })
    .where(and(mine(ctx, channels), eq(channels.id, id)));
  await ctx.db.delete(channel_routes).where(and(mine(ctx, channel_routes), eq(channel_routes.channel_id, id)));
  await keepTemplates(ctx, { id, template_account: null });
  await record(ctx, "channel.deleted", id, { channel, name, account_id });
  return { id, object: "channel" as const, deleted: true as const };
}
