import { setTimeout as pause } from "node:timers/promises";
import { and, asc, eq, sql } from "drizzle-orm";
import { newWorkspace } from "../../src/bin/new-workspace.ts";
import { openWorld } from "../../src/bin/world.ts";
import { api_keys } from "../../src/api-keys/tables.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import { readConfig } from "../../src/config.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { systemCtx } from "../../src/core/context.ts";
import { after, minutes } from "../../src/core/time.ts";
import { atomically } from "../../src/db/atomically.ts";
import { mine } from "../../src/db/mine.ts";
import { createEndpoint } from "../../src/webhooks/create-endpoint.ts";
import { webhook_deliveries } from "../../src/webhooks/tables.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { leaveConversations } from "../support/silence.ts";
import { createDatabase } from "./databases.ts";

/**
 * One call of `/cron/inactivity` for a workspace in which everybody fell silent, each end announced to an endpoint; and
 * how long whoever writes meanwhile, in a conversation that is just being closed, waits for an answer.
 */
const count = Number(process.argv[3] ?? 10_000);

const database = await createDatabase("close");
const secret = "a secret for this benchmark and nothing else";
const env = { DATABASE_URL: database.url, MASTER_KEY: secret, CRON_SECRET: secret, HOST: "127.0.0.1", LOG_LEVEL: "silent" };
const world = await openWorld(readConfig({ ...env, IP_RATE_LIMIT_PER_MINUTE: "1000000000" }));
const { app, services } = world;
const { db } = services;
const { ctx, api_key } = await leaveWorkspace();
await db.execute(sql`vacuum analyze`);

const passing = new AbortController();
const [pass, waits] = await Promise.all([runCron(), writeMeanwhile()]);
const deliveries = await db.$count(webhook_deliveries, mine(ctx, webhook_deliveries));
await world.close();
await database.drop();

waits.sort((a, b) => a - b);
const [median_ms, longest_ms] = [waits[Math.floor(waits.length / 2)]!, waits.at(-1)!].map(Math.round) as [number, number];
const took_seconds = Number((pass.duration_ms / 1000).toFixed(1));
console.log(`${pass.closed} conversations closed, ${deliveries} deliveries written in ${took_seconds} s`);
console.log(`${waits.length} messages were written meanwhile; the answer took ${median_ms} ms, at most ${longest_ms} ms`);
console.log(
  JSON.stringify({ bench: "close", closed: pass.closed, deliveries, took_seconds, writer_ms: { p50: median_ms, max: longest_ms } }),
);

async function runCron(): Promise<{ closed: number; duration_ms: number }> {
  const response = await app.request("/cron/inactivity", { method: "POST", headers: { Authorization: `Bearer ${secret}` } });
  passing.abort();
  return (await response.json()) as { closed: number; duration_ms: number };
}

/** Whoever is the longest silent of those that still look open is in the batch at hand. */
async function writeMeanwhile(): Promise<number[]> {
  const waits: number[] = [];
  while (!passing.signal.aborted) {
    const [silent] = await db
      .select({ id: conversations.id })
      .from(conversations)
      .where(and(mine(ctx, conversations), eq(conversations.status, "open")))
      .orderBy(asc(conversations.last_message_at), asc(conversations.id))
      .limit(1);
    if (!silent) break;
    const began = performance.now();
    const body = JSON.stringify({ content: { type: "text", text: "Are you still there?" } });
    const headers = { Authorization: `Bearer ${api_key}`, "Content-Type": "application/json" };
    const where = { incoming: { socket: { remoteAddress: "127.0.0.1" } } };
    const response = await app.request(`/v1/conversations/${silent.id}/messages`, { method: "POST", headers, body }, where);
    waits.push(performance.now() - began);
    if (response.status >= 500 || response.status === 429) throw new Error(await response.text());
    await pause(20);
  }
  return waits;
}

async function leaveWorkspace() {
  const { workspace_id, api_key } = await newWorkspace(services, { name: "Bench", scopes: ["read", "write", "admin"] });
  const ctx = systemCtx(services, workspace_id);
  const unlimited = 1_000_000_000;
  await db
    .update(workspaces)
    .set({ inactivity_timeout_minutes: 30, api_rate_limit_per_minute: unlimited })
    .where(eq(workspaces.id, workspace_id));
  await db.update(api_keys).set({ rate_limit_per_minute: unlimited }).where(mine(ctx, api_keys));
  const channel = { channel: "whatsapp", provider: "sandbox", name: "Bench", account_id: "sandbox", credentials: {} } as const;
  const { id: channel_id } = await atomically(ctx, (tx) => createChannel(tx, channel));
  const url = "https://hooks.example.invalid/";
  const about = { url, event_types: ["conversation_end" as const], enabled: true, delivery_id_header: true };
  await atomically(ctx, (tx) => createEndpoint(tx, about, url));
  await leaveConversations({ ctx, channel_id }, count, after(services.now(), -minutes(60)));
  return { ctx, api_key };
}
