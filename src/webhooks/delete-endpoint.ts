import { and, eq, inArray, sql } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import type { EndpointRef, StoredDeliveryStatus } from "./contract.ts";
import { liveEndpoint } from "./find-endpoint.ts";
import { webhook_deliveries, webhook_endpoints } from "./tables.ts";

/** Takes an endpoint out of service for good. What waits for it is canceled; its log stays readable. */
export async function deleteEndpoint(ctx: TxCtx, { endpoint_id }: EndpointRef) {
  const { id, url } = await liveEndpoint(ctx, endpoint_id, { lock: "update" });
  const now = ctx.now();
  await ctx.db
    .update(webhook_endpoints)
    .set({ enabled: false, deleted_at: now, updated_at: now })
    .where(and(mine(ctx, webhook_endpoints), eq(webhook_endpoints.id, id)));
  await cancelWaiting(ctx, id);
  await record(ctx, "webhook_endpoint.deleted", id, { url });
  return { id, object: "webhook_endpoint" as const, deleted: true as const };
}

/** An attempt that is running ends as it ends; what has not begun never does. */
export async function cancelWaiting(ctx: TxCtx, endpoint_id: Id<"whe">): Promise<void> {
  await ctx.db
    .update(webhook_deliveries)
    .set(withdrawn(ctx.now()))
    .where(
      and(
        mine(ctx, webhook_deliveries),
        eq(webhook_deliveries.endpoint_id, endpoint_id),
        inArray(webhook_deliveries.status, ["ready", "scheduled"]),
      ),
    );
}

/** What waited is canceled. Where only a replay waited, the delivery stays as it had ended. */
export const withdrawn = (now: Timestamp) => ({
  status: sql<StoredDeliveryStatus>`coalesce(${webhook_deliveries.resting_status}, 'canceled')`,
  completed_at: sql<Timestamp>`coalesce(${webhook_deliveries.completed_at}, ${now}::timestamptz)`,
  trigger: "automatic" as const,
  resting_status: null,
  updated_at: now,
});
