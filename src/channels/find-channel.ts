import { and, inArray, isNull } from "drizzle-orm";
import type { Ctx, TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { Listing } from "../core/page.ts";
import { findMine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import type { ChannelRef, ListChannels } from "./contract.ts";
import { presentChannel } from "./present.ts";
import { channels } from "./tables.ts";

/** The workspace's channels, the newest first. */
export async function listChannels(ctx: Ctx, input: ListChannels) {
  const listing: Listing = { name: "channels", filters: input };
  const filters = and(
    isNull(channels.deleted_at),
    given(input.status, (status) => inArray(channels.status, status)),
    given(input.channel, (channel) => inArray(channels.channel, channel)),
  );
  return readPage(ctx, channels, listing, input, filters, (row) => presentChannel(ctx, row));
}

/** One channel. */
export const findChannel = async (ctx: Ctx, { channel_id }: ChannelRef) => presentChannel(ctx, await liveChannel(ctx, channel_id));

/** The same, held until the transaction ends: what is decided about it stays true. */
export const lockChannel = async (ctx: TxCtx, { channel_id }: ChannelRef) =>
  presentChannel(ctx, await liveChannel(ctx, channel_id, { lock: "update" }));

/** A deleted channel lives on in its conversations, and nowhere else. */
export async function liveChannel(ctx: Ctx | TxCtx, id: Id<"chan">, options: { lock?: "update" } = {}) {
  const channel = await findMine(ctx, channels, id, options);
  if (channel.deleted_at) throw new ApiError("not_found");
  return channel;
}
