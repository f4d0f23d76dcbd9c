import { isIPv6 } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { faultsOf } from "./core/faults.ts";
import { plans, pricedMetrics, pricing } from "./core/pricing.ts";
import { urlOf } from "./core/url.ts";
import { keptSecret } from "./db/data-dir.ts";

const flag = z.enum(["on", "off", "true", "false", "1", "0"]).transform((word) => ["on", "true", "1"].includes(word));
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean),
);
const secret = z.string().min(32);
const origin = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));

/** No path, query or user: browsers name an origin, and everything that is reached lies at its root. */
const bareOrigin = origin.refine((url) => urlOf(url)?.origin === url, "Must be an origin alone, such as https://api.example.com");

/** Several hosts may be named, which no URL has; the driver takes them apart. */
const isDatabaseUrl = (url: string): boolean => /^postgres(ql)?:\/\/./.test(url) && urlOf(url.replace(/,[^/?]*/, "")) !== undefined;

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue("Must be JSON");
    return z.NEVER;
  }
});
const amount = z.number().min(0).max(1_000_000_000).multipleOf(0.001);
const Pricing = z.strictObject({
  prices: z.partialRecord(z.enum(pricedMetrics), amount).optional(),
  plans: z.partialRecord(z.enum(plans), amount).optional(),
});

/** Every setting. `.env.example` says what each is for. */
const Environment = z.object({
  PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  HOST: z.string().min(1).optional(),
  DATABASE_URL: z
    .string()
    .refine(isDatabaseUrl, "Must be a postgres:// URL, with what is special in the password escaped (%23 for #)")
    .optional(),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(200).default(10),
  DATA_DIR: z.string().min(1).default(".data"),
  MASTER_KEY: z.string().optional(),
  CRON_SECRET: secret.optional(),
  PUBLIC_URL: bareOrigin.optional(),
  TRUSTED_PROXIES: list.default([]),
  SCHEDULER: flag.default(true),
  ALLOW_PRIVATE_WEBHOOKS: flag.optional(),
  WEBHOOK_PROXY_URL: origin.optional(),
  IP_RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(1).default(1200),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).optional(),
  META_GRAPH_URL: origin.default("https://graph.facebook.com"),
  INSTAGRAM_GRAPH_URL: origin.default("https://graph.instagram.com"),
  META_GRAPH_VERSION: z
    .string()
    .regex(/^v\d+\.\d+$/, "Must be a version such as v23.0")
    .default("v23.0"),
  TWILIO_API_URL: origin.default("https://api.twilio.com"),
  PRICING: json.pipe(Pricing).default({}),
});

export type Config = ReturnType<typeof readConfig>;

/** The only reader of the environment. Without configuration the secrets are made once and kept in `DATA_DIR`. */
export function readConfig(environment: Record<string, string | undefined> = process.env) {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = Environment.safeParse(given);
  if (!parsed.success)
    throw new Error(
      faultsOf(parsed.error, given)
        .map(({ detail }) => detail)
        .join("\n"),
    );
  const env = parsed.data;

  const embedded = env.DATABASE_URL === undefined;
  const kept = (name: "MASTER_KEY" | "CRON_SECRET", value: string | undefined): string => {
    if (value !== undefined) return value;
    if (!embedded) throw new Error(`${name} is required when DATABASE_URL is set: processes that share a database share it.`);
    return keptSecret(env.DATA_DIR, name.toLowerCase());
  };
  const host = env.HOST ?? (embedded ? "127.0.0.1" : "0.0.0.0");

  return Object.freeze({
    port: env.PORT,
    host,
    database: embedded
      ? ({ kind: "embedded", data_dir: env.DATA_DIR, folder: join(env.DATA_DIR, "pg") } as const)
      : ({ kind: "postgres", url: env.DATABASE_URL!, pool_size: env.DATABASE_POOL_SIZE } as const),
    /** The first seals, all of them open. */
    master_keys: masterKeys(kept("MASTER_KEY", env.MASTER_KEY)),
    cron_secret: kept("CRON_SECRET", env.CRON_SECRET),
    public_url: env.PUBLIC_URL ?? `http://${reachable(host)}:${env.PORT}`,
    is_public_url_given: env.PUBLIC_URL !== undefined,
    trusted_proxies: env.TRUSTED_PROXIES,
    scheduler: env.SCHEDULER,
    allow_private_webhooks: env.ALLOW_PRIVATE_WEBHOOKS ?? embedded,
    webhook_proxy_url: env.WEBHOOK_PROXY_URL,
    ip_limit_per_minute: env.IP_RATE_LIMIT_PER_MINUTE,
    log_level: env.LOG_LEVEL ?? (embedded ? "warn" : "info"),
    meta_graph_url: env.META_GRAPH_URL,
    instagram_graph_url: env.INSTAGRAM_GRAPH_URL,
    meta_graph_version: env.META_GRAPH_VERSION,
    twilio_api_url: env.TWILIO_API_URL,
    pricing: withChanges(env.PRICING),
  });
}

/** What stands in a URL for the address that is listened on. */
const reachable = (host: string): string => ({ "0.0.0.0": "127.0.0.1", "::": "[::1]" })[host] ?? (isIPv6(host) ? `[${host}]` : host);

const withChanges = ({ prices, plans: included }: z.output<typeof Pricing>): typeof pricing => ({
  prices: Object.assign({ ...pricing.prices }, prices),
  plans: Object.assign({ ...pricing.plans }, included),
});

function masterKeys(text: string): string[] {
  const keys = text.split(",").map((key) => key.trim());
  if (keys.some((key) => !secret.safeParse(key).success))
    throw new Error("MASTER_KEY must have at least 32 characters, in each of its keys.");
  return keys;
}
