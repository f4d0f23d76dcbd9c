import { inArray } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { atomically } from "../db/atomically.ts";
import { markTaken } from "../messages/mark-taken.ts";
import type { MessageRow } from "../messages/present.ts";
import { messages } from "../messages/tables.ts";

/** A page of the visitor's has taken these: what the business wrote is delivered. */
export async function handOver(ctx: Ctx, rows: readonly MessageRow[]): Promise<void> {
  const news = rows.filter(({ direction, delivered_at }) => direction === "outbound" && delivered_at === null);
  if (news.length === 0) return;
  const ids = news.map(({ id }) => id);
  await atomically(ctx, (tx) => markTaken(tx, "delivered", inArray(messages.id, ids)));
}
