import { and, eq, sql } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { contact_watermarks } from "./tables.ts";

/** Up to when a person has received and read what a channel sent them. Late news never moves it back. */
export async function raiseWatermark(
  ctx: TxCtx,
  channel_id: Id<"chan">,
  { kind, value }: Identity,
  status: "delivered" | "read",
  until: Timestamp,
): Promise<void> {
  const mark = `${status}_until` as const;
  await ctx.db
    .insert(contact_watermarks)
    .values({ workspace_id: ctx.workspace_id, channel_id, kind, value, [mark]: until })
    .onConflictDoUpdate({
      target: [contact_watermarks.workspace_id, contact_watermarks.channel_id, contact_watermarks.kind, contact_watermarks.value],
      set: { [mark]: sql`greatest(${contact_watermarks[mark]}, ${sql.raw(`excluded.${mark}`)})` },
    });
}

/** Null for what was never told. */
export async function watermarksOf(ctx: TxCtx, channel_id: Id<"chan">, { kind, value }: Identity) {
  const [marks] = await ctx.db
    .select({ delivered: contact_watermarks.delivered_until, read: contact_watermarks.read_until })
    .from(contact_watermarks)
    .where(
      and(
        mine(ctx, contact_watermarks),
        eq(contact_watermarks.channel_id, channel_id),
        eq(contact_watermarks.kind, kind),
        eq(contact_watermarks.value, value),
      ),
    );
  return marks ?? { delivered: null, read: null };
}
