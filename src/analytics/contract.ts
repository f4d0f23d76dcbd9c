import { z } from "zod";
import { ChannelKind } from "../channels/contract.ts";
import { idField, several, Timestamp } from "../core/fields.ts";
import { QuarterHour, TimeZone } from "../core/time-zone.ts";

/** How much a question may span. */
export const longest_days = { overview: 366, hourly: 31 };
export const most_buckets = 366;

const asked = {
  from: QuarterHour.meta({
    description:
      "Start of the period, inclusive, a whole quarter of an hour; default: the start of the day 29 days before today in `timezone`.",
  }).optional(),
  to: QuarterHour.meta({
    description: "End of the period, exclusive, a whole quarter of an hour; default: the end of today in `timezone`.",
  }).optional(),
  timezone: TimeZone.default("UTC"),
  channel: several(ChannelKind),
  channel_id: idField("chan").optional(),
};

export const GetOverview = z.strictObject(asked);
export type GetOverview = z.output<typeof GetOverview>;

const Interval = z.enum(["hour", "day", "week", "month"]).meta({ id: "AnalyticsInterval", description: "The length of a bucket." });

export const GetTimeseries = z.strictObject({
  ...asked,
  interval: Interval.default("day").meta({
    description: "The length of a bucket. A series has at most 366 buckets, and with `hour` at most 31 days. A week begins on Monday.",
  }),
});
export type GetTimeseries = z.output<typeof GetTimeseries>;

const Seconds = z
  .object({
    p50: z.number().nullable().meta({ description: "The median: half of them took no longer." }),
    p90: z.number().nullable().meta({ description: "Nine in ten took no longer." }),
  })
  .meta({ id: "Percentiles", description: "A distribution of durations, in seconds. Null where there were none." });
const Rate = z.number().nullable();

const figures = {
  opened: z.number().int().meta({ description: "Conversations that began in the period." }),
  closed: z.number().int().meta({ description: "Conversations that were closed in the period and were not reopened." }),
  resolved: z.number().int().meta({ description: "Those of `closed` that the team, the API or the AI agent closed." }),
  resolved_by_ai: z.number().int().meta({ description: "Those of `resolved` that the AI agent closed." }),
  handed_over: z.number().int().meta({ description: "Conversations that the AI agent handed over to a person." }),
  handled: z.number().int().meta({
    description: "Conversations with an outbound message in the period. One that goes on for two days counts on each of them.",
  }),
  messages_inbound: z.number().int().meta({ description: "Messages from contacts." }),
  messages_outbound: z.number().int().meta({ description: "Messages to contacts." }),
  first_response_seconds: Seconds.meta({
    description: "From the contact's first message to the first answer, of conversations first answered in the period.",
  }),
  resolution_seconds: Seconds.meta({ description: "From creation to close, of conversations resolved in the period." }),
  ai_resolution_rate: Rate.meta({ description: "`resolved_by_ai` divided by `resolved`, from 0 to 1; null where that is 0." }),
  hand_over_rate: Rate.meta({
    description: "`handed_over` divided by `handed_over` + `resolved_by_ai`, from 0 to 1; null where that is 0.",
  }),
  sentiment_score: Rate.meta({ description: "The average sentiment, from -1 to 1; null where no conversation was analysed." }),
};
export const Figures = z.object(figures);
export type Figures = z.input<typeof Figures>;

const november = { from: "2026-11-01T00:00:00.000Z", to: "2026-12-01T00:00:00.000Z" };
/** The story: one conversation, answered after 147.632 seconds and closed. */
const told = {
  opened: 1,
  closed: 1,
  resolved: 1,
  resolved_by_ai: 0,
  handed_over: 0,
  handled: 1,
  messages_inbound: 1,
  messages_outbound: 1,
  first_response_seconds: { p50: 147.632, p90: 147.632 },
  resolution_seconds: { p50: 1058.42, p90: 1058.42 },
  ai_resolution_rate: 0,
  hand_over_rate: null,
  sentiment_score: null,
};

export const Overview = z
  .object({
    object: z.literal("analytics_overview"),
    from: Timestamp.meta({ description: "Start of the period, inclusive." }),
    to: Timestamp.meta({ description: "End of the period, exclusive." }),
    ...figures,
    channels: z
      .array(
        z.object({ channel: ChannelKind, ...figures }).meta({ id: "ChannelFigures", description: "The figures of one kind of channel." }),
      )
      .meta({ description: "The same figures of each kind of channel that has any." }),
  })
  .meta({
    id: "AnalyticsOverview",
    description: "The figures of a period.",
    examples: [{ object: "analytics_overview", ...november, ...told, channels: [{ channel: "whatsapp", ...told }] }],
  });
export type Overview = z.input<typeof Overview>;

export const Timeseries = z
  .object({
    object: z.literal("analytics_timeseries"),
    from: Timestamp.meta({ description: "Start of the period, inclusive." }),
    to: Timestamp.meta({ description: "End of the period, exclusive." }),
    interval: Interval,
    timezone: z.string().meta({ description: "The IANA time zone of the buckets." }),
    buckets: z
      .array(
        z
          .object({
            from: Timestamp.meta({ description: "Start of the bucket, inclusive." }),
            to: Timestamp.meta({ description: "End of the bucket, exclusive." }),
            ...figures,
          })
          .meta({
            id: "AnalyticsBucket",
            description: "The figures of one hour, day, week or month; the first and the last are cut at the period's bounds.",
          }),
      )
      .meta({ description: "The oldest first, without a gap." }),
  })
  .meta({
    id: "AnalyticsTimeseries",
    description: "The figures of a period, in buckets of equal length.",
    examples: [
      {
        object: "analytics_timeseries",
        from: "2026-11-22T00:00:00.000Z",
        to: "2026-11-23T00:00:00.000Z",
        interval: "day",
        timezone: "UTC",
        buckets: [{ from: "2026-11-22T00:00:00.000Z", to: "2026-11-23T00:00:00.000Z", ...told }],
      },
    ],
  });
export type Timeseries = z.input<typeof Timeseries>;
