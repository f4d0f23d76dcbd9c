import { z } from "zod";
import { ChannelKind } from "../channels/contract.ts";
import { idField, listOf, Moment, pageInput, several, Timestamp } from "../core/fields.ts";
import { metrics, plans, pricedMetrics } from "../core/pricing.ts";
import { QuarterHour, TimeZone } from "../core/time-zone.ts";

export const longest_period_days = 366;

const period = {
  from: QuarterHour.meta({ description: "Where the period begins; by default with this month." }).optional(),
  to: QuarterHour.meta({ description: "Where it ends, itself not in it; by default with this month. At most 366 days." }).optional(),
  timezone: TimeZone.default("UTC"),
};

export const GetUsage = z.strictObject(period);
export type GetUsage = z.output<typeof GetUsage>;

const Credits = z.number().meta({ description: "To the thousandth of a credit.", examples: [12.5] });

const MetricUsage = z
  .object({
    metric: z.enum(metrics).meta({ description: "What was counted; `api_requests` and `webhook_deliveries` are free." }),
    quantity: z.number().int(),
    credits: Credits,
  })
  .meta({ id: "MetricUsage", description: "How much of one thing there was, and what it cost." });
export type MetricUsage = z.infer<typeof MetricUsage>;

export const Usage = z
  .object({
    object: z.literal("usage"),
    from: Timestamp,
    to: Timestamp,
    credits: Credits.meta({ description: "What all of it cost." }),
    metrics: z.array(MetricUsage).meta({ description: "Every metric, also those of which there was nothing." }),
    conversations_handled: z.number().int().meta({ description: "Conversations in which something was said to the contact." }),
  })
  .meta({ id: "Usage", description: "What a workspace used in a period." });
export type Usage = z.input<typeof Usage>;

export const BreakDownUsage = z.strictObject({
  ...period,
  group_by: z
    .enum(["day", "channel", "metric", "api_key"])
    .default("day")
    .meta({ description: "By what to divide it; days are those of `timezone`." }),
});
export type BreakDownUsage = z.output<typeof BreakDownUsage>;

export const UsageBreakdown = z
  .object({
    object: z.literal("usage_breakdown"),
    from: Timestamp,
    to: Timestamp,
    group_by: z.enum(["day", "channel", "metric", "api_key"]),
    credits: Credits.meta({ description: "What all of it cost: the sum of the groups." }),
    groups: z.array(
      z
        .object({
          key: z
            .string()
            .nullable()
            .meta({ description: "The day, the channel, the metric or the key's id; null for what has none.", examples: ["2026-11-22"] }),
          credits: Credits,
          metrics: z.array(MetricUsage).meta({ description: "Those of which there was something." }),
        })
        .meta({ id: "UsageGroup", description: "One part of the usage." }),
    ),
  })
  .meta({ id: "UsageBreakdown", description: "The usage of a period, divided. Every day is there; of the others those with usage." });
export type UsageBreakdown = z.input<typeof UsageBreakdown>;

export const Billing = z
  .object({
    object: z.literal("billing"),
    plan: z.enum(plans),
    from: Timestamp.meta({ description: "Where the month begins, in UTC." }),
    to: Timestamp.meta({ description: "Where it ends: the included credits are then there again." }),
    included_credits: Credits.meta({ description: "What the plan includes each month." }),
    spent_credits: Credits.meta({ description: "The sum of this month's ledger." }),
    remaining_credits: Credits.meta({ description: "Below zero where messages went on past the plan; the AI rests then." }),
  })
  .meta({ id: "Billing", description: "How this month's credits stand." });
export type Billing = z.input<typeof Billing>;

export const LedgerEntry = z
  .object({
    id: idField("led"),
    object: z.literal("ledger_entry"),
    metric: z.enum(pricedMetrics),
    quantity: z.number().int(),
    credits: Credits.meta({
      description: "Zero where it is paid for otherwise: words in a call, what a person wrote in the provider's inbox.",
    }),
    channel: ChannelKind.nullable(),
    channel_id: idField("chan").nullable(),
    conversation_id: idField("conv").nullable(),
    message_id: idField("msg").nullable(),
    api_key_id: idField("key").nullable().meta({ description: "The key whose request caused it." }),
    created_at: Timestamp,
  })
  .meta({ id: "LedgerEntry", description: "One thing that was charged. Entries are never changed." });
export type LedgerEntry = z.input<typeof LedgerEntry>;

export const ListLedger = z.strictObject({
  metric: several(z.enum(pricedMetrics)),
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
