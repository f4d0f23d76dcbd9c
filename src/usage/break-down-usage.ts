import { sql } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { idOf } from "../core/ids.ts";
import { metrics, type Metric } from "../core/pricing.ts";
import { query } from "../db/query.ts";
import { bucketBounds } from "../db/time-buckets.ts";
import type { BreakDownUsage, UsageBreakdown } from "./contract.ts";
import { counted, markOf, type Period } from "./counted.ts";
import { periodOf } from "./period.ts";

interface Row {
  key: string | null;
  metric: Metric | null;
  quantity: string;
  credits: string;
  is_whole: boolean;
}

/** The usage of a period, divided by one of its aspects. */
export async function breakDownUsage(ctx: Ctx, { group_by, ...input }: BreakDownUsage): Promise<UsageBreakdown> {
  const period = await periodOf(ctx, input);
  const days = group_by === "day" ? await daysOf(ctx, period, input.timezone) : [];
  const columns = {
    day: sql`to_char(starts_at at time zone ${input.timezone}, 'YYYY-MM-DD')`,
    channel: sql`channel`,
    metric: sql`metric`,
    api_key: sql`api_key_id::text`,
  };
  const rows = await query<Row>(
    ctx.db,
    sql`select key, metric, sum(quantity)::text as quantity, sum(credits)::text as credits, grouping(key) = 1 as is_whole
      from (select ${columns[group_by]} as key, metric, quantity, credits from (${counted(ctx, period, await markOf(ctx))}) as counted) as keyed
      group by grouping sets ((key, metric), (key), ()) order by key nulls last`,
  );
  const keys = new Set([...days, ...rows.filter(({ is_whole }) => !is_whole).map(({ key }) => key)]);
  return {
    object: "usage_breakdown",
    ...period,
    group_by,
    credits: Number(rows.find(({ is_whole }) => is_whole)?.credits ?? 0),
    groups: Array.from(keys, (key) =>
      groupOf(
        group_by === "api_key" && key !== null ? idOf("key", key) : key,
        rows.filter((row) => !row.is_whole && row.key === key),
      ),
    ),
  };
}

/** Also those on which there was nothing. */
async function daysOf({ db }: Ctx, period: Period, timezone: string): Promise<string[]> {
  const starts = (await bucketBounds(db, { ...period, interval: "day", timezone })).slice(0, -1);
  const rows = await query<{ day: string }>(
    db,
    sql`select to_char(at::timestamptz at time zone ${timezone}, 'YYYY-MM-DD') as day
      from json_array_elements_text(${JSON.stringify(starts)}::text::json) with ordinality as start(at, place) order by place`,
  );
  return rows.map(({ day }) => day);
}

function groupOf(key: string | null, rows: Row[]) {
  const whole = rows.find(({ metric }) => metric === null);
  return {
    key,
    credits: Number(whole?.credits ?? 0),
    metrics: metrics.flatMap((metric) => {
      const row = rows.find((one) => one.metric === metric);
      return row ? [{ metric, quantity: Number(row.quantity), credits: Number(row.credits) }] : [];
    }),
  };
}
