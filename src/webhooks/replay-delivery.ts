import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findMine, mine } from "../db/mine.ts";
import type { DeliveryRef, StoredDeliveryStatus } from "./contract.ts";
import { presentDelivery } from "./present.ts";
import { events, webhook_deliveries, webhook_endpoints } from "./tables.ts";

/**
 * Asks for one more attempt, now, under the same delivery id. If it fails, a delivery that was waiting takes
 * the next step of its schedule, and one that had ended stays as it ended. Of an example it is another test.
 */
export async function replayDelivery(ctx: TxCtx, { delivery_id }: DeliveryRef) {
  const delivery = await findMine(ctx, webhook_deliveries, delivery_id, { lock: "update" });
  if (delivery.status === "delivering") throw new ApiError("delivery_in_progress");
  const endpoint = await findMine(ctx, webhook_endpoints, delivery.endpoint_id);
  if (!endpoint.enabled) throw new ApiError("endpoint_disabled");

  const { is_test } = await findMine(ctx, events, delivery.event_id);
  const now = ctx.now();
  const [replayed] = await ctx.db
    .update(webhook_deliveries)
    .set({
      status: "ready",
      trigger: is_test ? "test" : "manual",
      resting_status: restingStatus(delivery, endpoint),
      term: endpoint.term,
      due_at: now,
      updated_at: now,
    })
    .where(and(mine(ctx, webhook_deliveries), eq(webhook_deliveries.id, delivery.id)))
    .returning();
  await record(ctx, "webhook_delivery.replayed", delivery.id);
  ctx.wake("webhooks");
  return presentDelivery(replayed!);
}

type DeliveryRow = typeof webhook_deliveries.$inferSelect;

/** Asked twice before it ran, it still goes back to where it was at first. What waited when its endpoint's term ended was canceled then. */
function restingStatus({ status, resting_status, term }: DeliveryRow, endpoint: { term: number }): StoredDeliveryStatus | null {
  if (status !== "ready" && status !== "scheduled") return status;
  return term === endpoint.term ? resting_status : (resting_status ?? "canceled");
}
