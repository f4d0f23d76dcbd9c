import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { openWorld } from "../../src/bin/world.ts";
import { readConfig } from "../../src/config.ts";
import type { Db } from "../../src/core/context.ts";
import { seedHistory } from "../support/history.ts";
import { createDatabase } from "./databases.ts";

/**
 * Reading at scale: every list, filter, search, transcript and figure, at the front door of the whole house, over two
 * histories of one shape. What a page takes must hang neither on how much there is nor on how deep it lies.
 */
const sizes = { small: 10_000, large: Number(process.argv[3] ?? 1_000_000) };
const pages_deep = 200;
/** A page takes milliseconds: of fewer the medians would tell of the machine. */
const calls = { page: 150, search: 50, figure: 20 };
const warm_up = 10;

type History = Awaited<ReturnType<typeof openHistory>>;

const lists = ({ assignee_id, contact_id, conversation_id, endpoint_id }: History): Record<string, string> => ({
  conversations: "/v1/conversations?limit=20",
  "… by creation": "/v1/conversations?limit=20&sort=-created_at",
  "… by update": "/v1/conversations?limit=20&sort=-updated_at",
  "… of a status": "/v1/conversations?limit=20&status=open",
  "… of an assignee": `/v1/conversations?limit=20&assignee_id=${assignee_id}`,
  "… of two statuses": "/v1/conversations?limit=20&status=open&status=pending",
  "… of nobody": "/v1/conversations?limit=20&assignee_id=none",
  "… of a contact": `/v1/conversations?limit=20&contact_id=${contact_id}`,
  "… with a tag": "/v1/conversations?limit=20&tag=vip",
  "messages of a conversation": `/v1/conversations/${conversation_id}/messages?limit=10`,
  "messages, newest first": "/v1/messages?limit=20",
  "messages, as a feed": "/v1/messages?limit=20&order=asc",
  contacts: "/v1/contacts?limit=20",
  tickets: "/v1/tickets?limit=20&sort=-updated_at",
  "tickets of a status": "/v1/tickets?limit=20&status=open",
  "deliveries of an endpoint": `/v1/webhook_endpoints/${endpoint_id}/deliveries?limit=20`,
  "failed deliveries": "/v1/webhook_deliveries?limit=20&status=failed",
  "waiting deliveries": "/v1/webhook_deliveries?limit=20&status=pending",
  events: "/v1/events?limit=20",
  "audit log": "/v1/audit_log?limit=20",
});

const singles = ({ conversation_id }: History): Record<string, string> => ({
  "a transcript": `/v1/conversations/${conversation_id}/transcript`,
  "search: a rare word": "/v1/conversations?limit=20&q=7",
  "search: a frequent word": "/v1/conversations?limit=20&q=lamp",
  "search: a phone number": "/v1/contacts?limit=20&q=5550000007",
  "search: tickets": "/v1/tickets?limit=20&q=refund",
});

const figures: Record<string, string> = {
  "analytics: overview": "/v1/analytics/overview",
  "analytics: by day": "/v1/analytics/timeseries?interval=day",
  usage: "/v1/usage",
  "usage by channel": "/v1/usage/breakdown?group_by=channel",
  billing: "/v1/billing",
};

const small = await openHistory("small");
const large = await openHistory("large");
const worst = { deep_to_first: 0, large_to_small: 0, analytics_ms: 0 };
console.log(`p50 in ms${" ".repeat(27)}small   large (p95)     deep (p95)      deep/first  large/small`);
for (const [name, path] of Object.entries(lists(large))) {
  const cursor = await deepCursor(large, path);
  const { at_small, first, deep } = await takeTurns(calls.page, {
    at_small: () => small.ask(lists(small)[name]!),
    first: () => large.ask(path),
    deep: () => large.ask(`${path}&cursor=${encodeURIComponent(cursor)}`),
  });
  worst.deep_to_first = Math.max(worst.deep_to_first, deep.p50 / first.p50);
  worst.large_to_small = Math.max(worst.large_to_small, first.p50 / at_small.p50);
  tell(name, at_small, first, deep);
}
for (const [name, path] of Object.entries(singles(large))) {
  const asks = { at_small: () => small.ask(singles(small)[name]!), at_large: () => large.ask(path) };
  const { at_small, at_large } = await takeTurns(calls.search, asks);
  tell(name, at_small, at_large);
}
for (const [name, path] of Object.entries(figures)) {
  const { at_small, at_large } = await takeTurns(calls.figure, { at_small: () => small.ask(path), at_large: () => large.ask(path) });
  if (name.startsWith("analytics")) worst.analytics_ms = Math.max(worst.analytics_ms, at_large.p50);
  tell(name, at_small, at_large);
}
await small.close();
await large.close();
const rounded = Object.fromEntries(Object.entries(worst).map(([name, value]) => [name, Number(value.toFixed(2))]));
console.log(JSON.stringify({ bench: "read", ...rounded }));

interface Times {
  p50: number;
  p95: number;
}

function tell(name: string, at_small: Times, first: Times, deep?: Times): void {
  const both = ({ p50, p95 }: Times) => `${p50.toFixed(1)} (${p95.toFixed(1)})`.padEnd(16);
  const ratios = `${(deep ? (deep.p50 / first.p50).toFixed(2) : "").padEnd(12)}${(first.p50 / at_small.p50).toFixed(2)}`;
  console.log(`${name.padEnd(36)}${at_small.p50.toFixed(1).padEnd(8)}${both(first)}${deep ? both(deep) : " ".repeat(16)}${ratios}`);
}

/** One call of each after the other: whatever disturbs the machine disturbs them all alike. */
async function takeTurns<N extends string>(turns: number, asks: Record<N, () => Promise<unknown>>): Promise<Record<N, Times>> {
  const names = Object.keys(asks) as N[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<N, number[]>;
  for (let turn = -warm_up; turn < turns; turn++)
    for (const name of names) {
      const began = performance.now();
      await asks[name]();
      if (turn >= 0) times[name].push(performance.now() - began);
    }
  const at = (name: N, part: number) => times[name].toSorted((a, b) => a - b)[Math.floor(turns * part)]!;
  return Object.fromEntries(names.map((name) => [name, { p50: at(name, 0.5), p95: at(name, 0.95) }])) as Record<N, Times>;
}

/** Where a page begins that lies so many pages behind the first one, or where the last one does. */
async function deepCursor(history: History, path: string): Promise<string> {
  let cursor: string | undefined;
  for (let page = 0; page < pages_deep; page++) {
    const { has_more, next_cursor } = await history.ask(cursor === undefined ? path : `${path}&cursor=${encodeURIComponent(cursor)}`);
    if (!has_more || !next_cursor) break;
    cursor = next_cursor;
  }
  if (cursor === undefined) throw new Error(`${path} has one page only`);
  return cursor;
}

/** A database of its own, filled, and the house on it. */
async function openHistory(size: keyof typeof sizes) {
  const database = await createDatabase(`read_${size}`);
  const secret = "a secret for this benchmark and nothing else";
  const env = { DATABASE_URL: database.url, MASTER_KEY: secret, CRON_SECRET: secret, HOST: "127.0.0.1", LOG_LEVEL: "silent" };
  const world = await openWorld(readConfig({ ...env, IP_RATE_LIMIT_PER_MINUTE: "1000000000" }));
  const began = performance.now();
  // On a connection of its own: the house's own statements may take fifteen seconds at most.
  const filler = postgres(database.url, { max: 1, onnotice: () => {}, connection: { TimeZone: "UTC" } });
  const tenant = await seedHistory({ ...world.services, db: drizzle(filler) as unknown as Db }, sizes[size]);
  await filler.end();
  console.log(`${sizes[size]} messages in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const headers = { Authorization: `Bearer ${tenant.api_key}` };
  return {
    ...tenant,
    async ask(path: string): Promise<{ has_more?: boolean; next_cursor?: string | null }> {
      const response = await world.app.request(path, { headers }, { incoming: { socket: { remoteAddress: "127.0.0.1" } } });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text}`);
      return JSON.parse(text) as { has_more?: boolean; next_cursor?: string | null };
    },
    async close() {
      await world.close();
      await database.drop();
    },
  };
}
