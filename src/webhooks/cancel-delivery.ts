import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findMine, mine } from "../db/mine.ts";
import type { DeliveryRef } from "./contract.ts";
import { presentDelivery } from "./present.ts";
import { webhook_deliveries } from "./tables.ts";
import { withdrawn } from "./withdraw.ts";

/** Takes back what waits: a delivery is canceled, a replay is not made and its delivery stays as it had ended. */
export async function cancelDelivery(ctx: TxCtx, { delivery_id }: DeliveryRef) {
  const delivery = await findMine(ctx, webhook_deliveries, delivery_id, { lock: "update" });
  if (delivery.status === "canceled") return presentDelivery(delivery);
  if (delivery.status === "delivering") throw new ApiError("delivery_in_progress");
  if (delivery.status === "succeeded" || delivery.status === "failed") {
    const detail = `The delivery has ${delivery.status} already: nothing waits that could be canceled.`;
    throw new ApiError("invalid_status_transition", { detail, members: { allowed: [] } });
  }

  const [canceled] = await ctx.db
    .update(webhook_deliveries)
    .set(withdrawn(ctx.now()))
    .where(and(mine(ctx, webhook_deliveries), eq(webhook_deliveries.id, delivery.id)))
    .returning();
  await record(ctx, "webhook_delivery.canceled", delivery.id);
  return presentDelivery(canceled!);
}
