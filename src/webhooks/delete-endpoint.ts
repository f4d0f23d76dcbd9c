import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { EndpointRef } from "./contract.ts";
import { liveEndpoint } from "./find-endpoint.ts";
import { webhook_endpoints } from "./tables.ts";
import { outOfService, withdrawWaiting } from "./withdraw.ts";

/** Takes an endpoint out of service for good. What waits for it is canceled; its log stays readable. */
export async function deleteEndpoint(ctx: TxCtx, { endpoint_id }: EndpointRef) {
  const { id, url } = await liveEndpoint(ctx, endpoint_id, { lock: "update" });
  const now = ctx.now();
  const [deleted] = await ctx.db
    .update(webhook_endpoints)
    .set({ ...outOfService(now), deleted_at: now, updated_at: now })
    .where(and(mine(ctx, webhook_endpoints), eq(webhook_endpoints.id, id)))
    .returning();
  await withdrawWaiting(ctx.db, deleted!, now);
  await record(ctx, "webhook_endpoint.deleted", id, { url });
  return { id, object: "webhook_endpoint" as const, deleted: true as const };
}
