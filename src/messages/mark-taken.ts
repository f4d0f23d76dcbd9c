import { and, eq, inArray, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { StoredMessageStatus } from "./contract.ts";
import { messages } from "./tables.ts";

const untaken = ["queued", "scheduled", "sending", "unknown", "sent"] as const satisfies StoredMessageStatus[];
const unread = [...untaken, "delivered"] as const satisfies StoredMessageStatus[];

/**
 * A reader whom we serve ourselves has taken messages of ours, or has read them. It may come before the dispatcher
 * had its turn, to whom nothing is left to do then.
 */
export async function markTaken(ctx: TxCtx, status: "delivered" | "read", which: SQL): Promise<void> {
  const now = ctx.now();
  const ours = and(
    mine(ctx, messages),
    which,
    eq(messages.direction, "outbound"),
    inArray(messages.status, status === "read" ? [...unread] : [...untaken]),
  );
  // In one order for everybody: two pages of one reader must not wait for each other in a circle.
  const held = await ctx.db.select({ id: messages.id }).from(messages).where(ours).orderBy(messages.id).for("update");
  if (held.length === 0) return;
  const first = (stamp: AnyPgColumn) => sql`coalesce(${stamp}, ${now}::timestamptz)`;
  await ctx.db
    .update(messages)
    .set({
      status,
      sent_at: first(messages.sent_at),
      delivered_at: first(messages.delivered_at),
      ...(status === "read" && { read_at: now }),
      error: null,
      due_at: null,
      lease_id: null,
      lease_until: null,
      updated_at: now,
    })
    .where(
      and(
        mine(ctx, messages),
        inArray(
          messages.id,
          held.map(({ id }) => id),
        ),
      ),
    );
}
