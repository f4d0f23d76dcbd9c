import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findMine, mine } from "../db/mine.ts";
import type { DeliveryRef, StoredDeliveryStatus } from "./contract.ts";
import { presentDelivery } from "./present.ts";
import { webhook_deliveries, webhook_endpoints } from "./tables.ts";

/**
 * Asks for one more attempt, now, under the same delivery id. If it fails, a delivery that was waiting takes
 * the next step of its schedule, and one that had ended stays as it ended.
 */
export async function replayDelivery(ctx: TxCtx, { delivery_id }: DeliveryRef) {
  const delivery = await findMine(ctx, webhook_deliveries, delivery_id, { lock: "update" });
  if (delivery.status === "delivering") throw new ApiError("delivery_in_progress");
  const endpoint = await findMine(ctx, webhook_endpoints, delivery.endpoint_id);
  if (!endpoint.enabled) throw new ApiError("endpoint_disabled");

  const now = ctx.now();
  const [replayed] = await ctx.db
    .update(webhook_deliveries)
    .set({ status: "ready", trigger: "manual", resting_status: restingStatus(delivery), due_at: now, updated_at: now })
    .where(and(mine(ctx, webhook_deliveries), eq(webhook_deliveries.id, delivery.id)))
    .returning();
  await record(ctx, "webhook_delivery.replayed", delivery.id);
  ctx.wake("webhooks");
  return presentDelivery(replayed!);
}

/** Asked twice before it ran, it still goes back to where it was at first. */
function restingStatus({ status, resting_status }: { status: StoredDeliveryStatus; resting_status: StoredDeliveryStatus | null }) {
  return status === "ready" || status === "scheduled" ? resting_status : status;
}
