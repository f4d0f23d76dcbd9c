import { and, eq } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import type { ChannelError } from "./contract.ts";
import { channels } from "./tables.ts";

interface Refused {
  channel_id: Id<"chan">;
  /** What was refused, sealed: those that took their place meanwhile are not. */
  credentials: string;
  error: ChannelError;
}

/** The provider no longer takes a channel's credentials: it says so until they are mended. */
export async function markBroken(ctx: TxCtx, { channel_id, credentials, error }: Refused): Promise<void> {
  await ctx.db
    .update(channels)
    .set({ status: "error", error, updated_at: ctx.now() })
    .where(and(mine(ctx, channels), eq(channels.id, channel_id), eq(channels.status, "connected"), eq(channels.credentials, credentials)));
}
