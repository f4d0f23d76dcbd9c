import { z } from "zod";
import { ChannelKind } from "../channels/contract.ts";
import { idField, several, Timestamp } from "../core/fields.ts";
import { QuarterHour, TimeZone } from "../core/time-zone.ts";

/** How much a question may span. */
export const longest_days = { overview: 366, hourly: 31 };
export const most_buckets = 366;

const asked = {
  from: QuarterHour.meta({ description: "Where the period begins; by default 29 days before today, in `timezone`." }).optional(),
  to: QuarterHour.meta({ description: "Where it ends, itself not in it; by default with today." }).optional(),
  timezone: TimeZone.default("UTC"),
  channel: several(ChannelKind),
  channel_id: idField("chan").optional(),
};

export const GetOverview = z.strictObject(asked);
export type GetOverview = z.output<typeof GetOverview>;

export const GetTimeseries = z.strictObject({
  ...asked,
  interval: z
    .enum(["hour", "day", "week", "month"])
    .default("day")
    .meta({ description: "How long a bucket is: at most 366 of them, by the hour at most 31 days. A week begins on Monday." }),
});
export type GetTimeseries = z.output<typeof GetTimeseries>;

const Seconds = z
  .object({ p50: z.number().nullable(), p90: z.number().nullable() })
  .meta({ id: "Percentiles", description: "Seconds: half of them, and nine in ten, took no longer. Null where there were none." });
const Rate = z.number().nullable();

const figures = {
  opened: z.number().int().meta({ description: "Conversations that began." }),
  closed: z.number().int().meta({ description: "Conversations that ended, and were not reopened." }),
  resolved: z.number().int().meta({ description: "Those of them that the team, the API or the AI closed." }),
  resolved_by_ai: z.number().int(),
  handed_over: z.number().int().meta({ description: "Conversations that the AI gave to a person." }),
  handled: z.number().int().meta({
    description: "Conversations in which something was said to the contact. One that goes on for two days counts on each of them.",
  }),
  messages_inbound: z.number().int(),
  messages_outbound: z.number().int(),
  first_response_seconds: Seconds.meta({
    description: "From the contact's first message to the first answer, of what was first answered then.",
  }),
  resolution_seconds: Seconds.meta({ description: "From the beginning to the close, of what was resolved then." }),
  ai_resolution_rate: Rate.meta({ description: "`resolved_by_ai` of `resolved`.", examples: [0.25] }),
  hand_over_rate: Rate.meta({ description: "`handed_over` of all that the AI resolved or handed over.", examples: [0.5] }),
  sentiment_score: Rate.meta({ description: "From -1 to 1, on average; null until conversations are analysed." }),
};
export const Figures = z.object(figures);
export type Figures = z.input<typeof Figures>;

export const Overview = z
  .object({
    object: z.literal("analytics_overview"),
    from: Timestamp,
    to: Timestamp,
    ...figures,
    channels: z.array(
      z
        .object({ channel: ChannelKind, ...figures })
        .meta({ id: "ChannelFigures", description: "The same of one channel on which there was something." }),
    ),
  })
  .meta({ id: "AnalyticsOverview", description: "How conversations fared in a period." });
export type Overview = z.input<typeof Overview>;

export const Timeseries = z
  .object({
    object: z.literal("analytics_timeseries"),
    from: Timestamp,
    to: Timestamp,
    interval: z.enum(["hour", "day", "week", "month"]),
    timezone: z.string(),
    buckets: z.array(
      z.object({ from: Timestamp, to: Timestamp, ...figures }).meta({
        id: "AnalyticsBucket",
        description: "One hour, day, week or month; the first and the last as far as they lie in the period.",
      }),
    ),
  })
  .meta({ id: "AnalyticsTimeseries", description: "The same, bucket by bucket without a gap." });
export type Timeseries = z.input<typeof Timeseries>;
