import { read, router } from "../trpc/procedure.ts";
import { GetOverview, GetTimeseries, Overview, Timeseries } from "./contract.ts";
import { describeOverview } from "./describe-overview.ts";
import { describeTimeseries } from "./describe-timeseries.ts";

export const analyticsRouter = router({
  overview: read({
    route: "GET /v1/analytics/overview",
    name: "getAnalyticsOverview",
    summary: "Get how conversations fared",
    description:
      "A period's figures, of all channels together and of each. What can be added is the sum of the time series of the same period; `handled`, rates and percentiles are of the whole.",
    input: GetOverview,
    output: Overview,
    run: describeOverview,
  }),
  timeseries: read({
    route: "GET /v1/analytics/timeseries",
    name: "getAnalyticsTimeseries",
    summary: "Get how conversations fared, bucket by bucket",
    description:
      "By the hour, day, week or month of a time zone, without a gap. A day whose clock is changed has 23 or 25 hours; the bounds of each bucket say so.",
    input: GetTimeseries,
    output: Timeseries,
    run: describeTimeseries,
  }),
});
