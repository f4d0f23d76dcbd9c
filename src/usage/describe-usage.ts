import { sql } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { metrics, type Metric } from "../core/pricing.ts";
import { query } from "../db/query.ts";
import type { GetUsage, Usage } from "./contract.ts";
import { counted, handled, markOf } from "./counted.ts";
import { periodOf } from "./period.ts";

/** What a workspace used in a period, by metric. One statement, so that the sum is that of the parts. */
export async function describeUsage(ctx: Ctx, input: GetUsage): Promise<Usage> {
  const period = await periodOf(ctx, input);
  const mark = await markOf(ctx);
  const rows = await query<{ metric: Metric | null; quantity: string; credits: string }>(
    ctx.db,
    sql`select metric, sum(quantity)::text as quantity, sum(credits)::text as credits
      from (${counted(ctx, period, mark)}) as counted group by grouping sets ((metric), ())
      union all
      select 'conversations_handled', count(*)::text, '0' from (select distinct conversation_id from (${handled(ctx, period, mark)}) as handled) as conversation`,
  );
  const of = (name: string | null) => {
    const row = rows.find(({ metric }) => metric === name);
    return { quantity: Number(row?.quantity ?? 0), credits: Number(row?.credits ?? 0) };
  };
  return {
    object: "usage",
    ...period,
    credits: of(null).credits,
    metrics: metrics.map((metric) => ({ metric, ...of(metric) })),
    conversations_handled: of("conversations_handled").quantity,
  };
}
