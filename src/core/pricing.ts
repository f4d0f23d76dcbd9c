/** What is counted of a workspace and costs credits: each is a row of the ledger. */
export const pricedMetrics = [
  "messages_inbound",
  "messages_outbound",
  "template_messages",
  "ai_replies",
  "compositions",
  "knowledge_searches",
  "embeddings",
  "voice_minutes",
  "sms_segments",
  "sentiment_analyses",
] as const;
export type PricedMetric = (typeof pricedMetrics)[number];

/** What is counted and costs nothing: added up in memory and written down in batches. */
export const freeMetrics = ["api_requests", "webhook_deliveries"] as const;
export type FreeMetric = (typeof freeMetrics)[number];

export const metrics = [...pricedMetrics, ...freeMetrics] as const;
export type Metric = (typeof metrics)[number];

export const plans = ["free", "starter", "growth", "scale"] as const;
export type Plan = (typeof plans)[number];

/** Credits, each to the thousandth. */
export interface Pricing {
  /** Of one. A template, an SMS segment and an AI's reply are on top of the message itself. */
  prices: Readonly<Record<PricedMetric, number>>;
  /** Included in a month. */
  plans: Readonly<Record<Plan, number>>;
}

export const pricing: Pricing = {
  prices: {
    messages_inbound: 0.1,
    messages_outbound: 1,
    template_messages: 2,
    ai_replies: 4,
    compositions: 3,
    knowledge_searches: 0.5,
    embeddings: 0.05,
    voice_minutes: 5,
    sms_segments: 3,
    sentiment_analyses: 0.2,
  },
  plans: { free: 500, starter: 10_000, growth: 100_000, scale: 1_000_000 },
};
