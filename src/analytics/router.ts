import { read, router } from "../trpc/procedure.ts";
import { GetOverview, GetTimeseries, Overview, Timeseries } from "./contract.ts";
import { describeOverview } from "./describe-overview.ts";
import { describeTimeseries } from "./describe-timeseries.ts";

export const analyticsRouter = router({
  overview: read({
    route: "GET /v1/analytics/overview",
    name: "getAnalyticsOverview",
    summary: "Get the analytics overview",
    description:
      "The figures of a period, for all channels together and for each. Counts are the sums of the time series of the same period; `handled`, rates and percentiles are computed over the whole period.",
    input: GetOverview,
    output: Overview,
    run: describeOverview,
  }),
  timeseries: read({
    route: "GET /v1/analytics/timeseries",
    name: "getAnalyticsTimeseries",
    summary: "Get the analytics time series",
    description:
      "The figures of each hour, day, week or month of a time zone, without a gap. A day on which the clocks change has 23 or 25 hours; `from` and `to` of its bucket say so.",
    input: GetTimeseries,
    output: Timeseries,
    run: describeTimeseries,
  }),
});
