import { z } from "zod";
import { ChannelKind } from "../channels/contract.ts";
import { idField, listOf, Moment, pageInput, several, Timestamp } from "../core/fields.ts";
import { metrics, plans, pricedMetrics, pricing } from "../core/pricing.ts";
import { answer_id, exampleId, story } from "../core/story.ts";
import { QuarterHour, TimeZone } from "../core/time-zone.ts";

export const longest_period_days = 366;

const period = {
  from: QuarterHour.meta({
    description: "Start of the period, inclusive, a whole quarter of an hour; default: the start of the current month in `timezone`.",
  }).optional(),
  to: QuarterHour.meta({
    description:
      "End of the period, exclusive, a whole quarter of an hour; default: the end of the current month in `timezone`. A period has at most 366 days.",
  }).optional(),
  timezone: TimeZone.default("UTC"),
};

export const GetUsage = z.strictObject(period);
export type GetUsage = z.output<typeof GetUsage>;

const Credits = z.number().meta({ description: "In credits, to three decimals." });

const MetricUsage = z
  .object({
    metric: z.enum(metrics).meta({ description: "What was counted; `api_requests` and `webhook_deliveries` are free." }),
    quantity: z
      .number()
      .int()
      .meta({ description: "How many there were; of `voice_minutes` the minutes, of `sms_segments` the segments." }),
    credits: Credits.meta({ description: "What they cost, in credits, to three decimals." }),
  })
  .meta({ id: "MetricUsage", description: "How much of one metric was used, and what it cost." });
export type MetricUsage = z.infer<typeof MetricUsage>;

const start = { description: "Start of the period, inclusive." };
const end = { description: "End of the period, exclusive." };
const november = { from: "2026-11-01T00:00:00.000Z", to: "2026-12-01T00:00:00.000Z" };
/** The story's question and answer. */
const used = {
  credits: 1.1,
  metrics: [
    { metric: "messages_inbound", quantity: 1, credits: 0.1 },
    { metric: "messages_outbound", quantity: 1, credits: 1 },
  ],
};

export const Usage = z
  .object({
    object: z.literal("usage"),
    from: Timestamp.meta(start),
    to: Timestamp.meta(end),
    credits: Credits.meta({ description: "What all of it cost, in credits, to three decimals." }),
    metrics: z.array(MetricUsage).meta({ description: "Every metric, including those with no usage." }),
    conversations_handled: z.number().int().meta({ description: "How many conversations had an outbound message in the period." }),
  })
  .meta({
    id: "Usage",
    description: "What the workspace used in a period.",
    examples: [
      {
        object: "usage",
        ...november,
        ...used,
        metrics: metrics.map((metric) => used.metrics.find((some) => some.metric === metric) ?? { metric, quantity: 0, credits: 0 }),
        conversations_handled: 1,
      },
    ],
  });
export type Usage = z.input<typeof Usage>;

const UsageDimension = z.enum(["day", "channel", "metric", "api_key"]).meta({
  id: "UsageDimension",
  description: "What to group by; days are those of `timezone`.",
});

export const BreakDownUsage = z.strictObject({
  ...period,
  group_by: UsageDimension.default("day"),
});
export type BreakDownUsage = z.output<typeof BreakDownUsage>;

export const UsageBreakdown = z
  .object({
    object: z.literal("usage_breakdown"),
    from: Timestamp.meta(start),
    to: Timestamp.meta(end),
    group_by: UsageDimension.meta({ description: "What was grouped by." }),
    credits: Credits.meta({ description: "What all of it cost: the sum of the groups, in credits, to three decimals." }),
    groups: z.array(
      z
        .object({
          key: z
            .string()
            .nullable()
            .meta({ description: "The day, the channel, the metric or the id of the API key; null: usage that belongs to none." }),
          credits: Credits.meta({ description: "What the group cost, in credits, to three decimals." }),
          metrics: z.array(MetricUsage).meta({ description: "The metrics with usage." }),
        })
        .meta({ id: "UsageGroup", description: "The usage of one day, channel, metric or API key." }),
    ),
  })
  .meta({
    id: "UsageBreakdown",
    description: "The usage of a period, in groups. With `group_by=day` every day is listed; other groupings list only what has usage.",
    examples: [
      { object: "usage_breakdown", ...november, group_by: "channel", credits: used.credits, groups: [{ key: "whatsapp", ...used }] },
    ],
  });
export type UsageBreakdown = z.input<typeof UsageBreakdown>;

export const Billing = z
  .object({
    object: z.literal("billing"),
    plan: z.enum(plans).meta({ description: "The workspace's plan." }),
    from: Timestamp.meta({ description: "Start of the month, in UTC." }),
    to: Timestamp.meta({ description: "End of the month: the included credits are renewed then." }),
    included_credits: Credits.meta({ description: "How many credits the plan includes each month." }),
    spent_credits: Credits.meta({ description: "The sum of this month's ledger, to three decimals." }),
    remaining_credits: Credits.meta({
      description:
        "`included_credits` less `spent_credits`. Below zero when messages went on after the credits were spent; the AI does not work then.",
    }),
  })
  .meta({
    id: "Billing",
    description: "This month's credits.",
    examples: [
      {
        object: "billing",
        plan: "starter",
        ...november,
        included_credits: pricing.plans.starter,
        spent_credits: used.credits,
        remaining_credits: pricing.plans.starter - used.credits,
      },
    ],
  });
export type Billing = z.input<typeof Billing>;

const charge = (entry: object) => ({
  object: "ledger_entry",
  quantity: 1,
  channel: "whatsapp",
  channel_id: exampleId("chan"),
  conversation_id: exampleId("conv"),
  ...entry,
});

const PricedMetric = z.enum(pricedMetrics).meta({ id: "PricedMetric", description: "What costs credits." });

export const LedgerEntry = z
  .object({
    id: idField("led"),
    object: z.literal("ledger_entry"),
    metric: PricedMetric.meta({ description: "What was charged." }),
    quantity: z.number().int().meta({ description: "How many; of `voice_minutes` the minutes, of `sms_segments` the segments." }),
    credits: Credits.meta({
      description:
        "What it cost, in credits, to three decimals. Zero for what is not charged by the message: what is said in a call, which is paid by the minute, and what a person wrote in the provider's own inbox.",
    }),
    channel: ChannelKind.nullable().meta({ description: "The kind of channel; null where it belongs to none." }),
    channel_id: idField("chan").nullable().meta({ description: "The channel; null where it belongs to none." }),
    conversation_id: idField("conv").nullable().meta({ description: "The conversation; null where it belongs to none." }),
    message_id: idField("msg").nullable().meta({ description: "The message; null where it belongs to none." }),
    api_key_id: idField("key").nullable().meta({ description: "The API key whose request caused it; null: not caused by an API key." }),
    created_at: Timestamp,
  })
  .meta({
    id: "LedgerEntry",
    description: "One charge. Entries are never changed.",
    examples: [
      charge({
        id: "led_01m81c5wgge2f3k4m5n6p7q8r9",
        metric: "messages_outbound",
        credits: 1,
        message_id: answer_id,
        api_key_id: exampleId("key"),
        created_at: story.answered_at,
      }),
      charge({
        id: exampleId("led"),
        metric: "messages_inbound",
        credits: 0.1,
        message_id: exampleId("msg"),
        api_key_id: null,
        created_at: story.asked_at,
      }),
    ],
  });
export type LedgerEntry = z.input<typeof LedgerEntry>;

export const ListLedger = z.strictObject({
  metric: several(PricedMetric),
  channel: several(ChannelKind),
  channel_id: idField("chan").optional(),
  conversation_id: idField("conv").optional(),
  api_key_id: idField("key").optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  ...pageInput,
});
export type ListLedger = z.output<typeof ListLedger>;
export const LedgerEntryList = listOf(LedgerEntry, "LedgerEntryList");
