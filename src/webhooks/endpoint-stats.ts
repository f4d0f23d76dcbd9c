import { and, eq, gt } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { after, hours, type Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import type { EndpointRef } from "./contract.ts";
import { liveEndpoint } from "./find-endpoint.ts";
import { webhook_endpoint_hours } from "./tables.ts";

/** How an endpoint fares: at most 168 rows are added up, however many attempts there were. */
export async function describeEndpointStats(ctx: Ctx, { endpoint_id }: EndpointRef) {
  await liveEndpoint(ctx, endpoint_id);
  const day_ago = after(ctx.now(), -hours(24));
  const rows = await ctx.db
    .select()
    .from(webhook_endpoint_hours)
    .where(
      and(
        mine(ctx, webhook_endpoint_hours),
        eq(webhook_endpoint_hours.endpoint_id, endpoint_id),
        gt(webhook_endpoint_hours.hour, after(ctx.now(), -hours(7 * 24))),
      ),
    );
  return {
    object: "webhook_endpoint_stats" as const,
    endpoint_id,
    last_24_hours: scoreOf(rows.filter(({ hour }: { hour: Timestamp }) => hour > day_ago)),
    last_7_days: scoreOf(rows),
  };
}

function scoreOf(rows: { succeeded: number; failed: number }[]) {
  const succeeded = rows.reduce((sum, row) => sum + row.succeeded, 0);
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
  const attempts = succeeded + failed;
  return { attempts, succeeded, failed, success_rate: attempts === 0 ? null : Math.round((succeeded / attempts) * 10_000) / 10_000 };
}
