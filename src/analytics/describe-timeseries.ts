import type { Ctx } from "../core/context.ts";
import { invalid } from "../core/errors.ts";
import { bucketBounds } from "../db/time-buckets.ts";
import { longest_days, most_buckets, type GetTimeseries, type Timeseries } from "./contract.ts";
import { analysed } from "./describe-overview.ts";
import { figuresByBucket, nothing } from "./figures.ts";

/** The same, by local hours, days, weeks or months: each is there, also where there was nothing. */
export async function describeTimeseries(ctx: Ctx, input: GetTimeseries): Promise<Timeseries> {
  const { interval, timezone } = input;
  const period = await analysed(ctx, input, longest[interval]);
  const bounds = await bucketBounds(ctx.db, { ...period, interval, timezone });
  if (interval !== "hour" && bounds.length - 1 > most_buckets) {
    throw invalid({ pointer: "/from", code: "too_small", detail: `from: There would be more than ${most_buckets} buckets before \`to\`.` });
  }
  const figures = await figuresByBucket(ctx, bounds, input);
  const buckets = bounds.slice(0, -1).map((from, at) => ({ from, to: bounds[at + 1]!, ...(figures.get(at + 1) ?? nothing) }));
  return { object: "analytics_timeseries", ...period, interval, timezone, buckets };
}

/** So that no more buckets are made than are to be refused. */
const longest = { hour: longest_days.hourly, day: most_buckets, week: most_buckets * 7, month: most_buckets * 31 };
