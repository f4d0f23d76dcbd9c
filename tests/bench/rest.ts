import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { Pool } from "undici";
import { newWorkspace } from "../../src/bin/new-workspace.ts";
import { openWorld } from "../../src/bin/world.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import { channels } from "../../src/channels/tables.ts";
import { readConfig } from "../../src/config.ts";
import { listConversations } from "../../src/conversations/list-conversations.ts";
import { receiveEvent } from "../../src/messages/receive-event.ts";
import { systemCtx } from "../../src/core/context.ts";
import { uuidOf } from "../../src/core/ids.ts";
import { atomically } from "../../src/db/atomically.ts";
import { findMine } from "../../src/db/mine.ts";

/** The whole house against the same work written by hand in one file: requests a second, turn about, as ratios. */
const DATABASE_URL = process.env["BENCH_DATABASE_URL"] ?? process.env["TEST_DATABASE_URL"];
if (!DATABASE_URL) throw new Error("BENCH_DATABASE_URL must name a PostgreSQL with pgvector");
const rounds = Number(process.argv[3] ?? 5);
const seconds_per_turn = 2;
const at_once = 16;

const secret = "a secret for this benchmark and nothing else";
const env = {
  ...process.env,
  DATABASE_URL,
  MASTER_KEY: secret,
  CRON_SECRET: secret,
  SCHEDULER: "off",
  LOG_LEVEL: "silent",
  IP_RATE_LIMIT_PER_MINUTE: "1000000000",
};
const { api_key, conversation_id } = await seed();

const servers = await Promise.all([start("serve-ours.ts"), start("serve-by-hand.ts")]);
const [ours, by_hand] = servers as [Server, Server];
const body = JSON.stringify({ content: { type: "text", text: "Your order leaves today." } });
const headers = { authorization: `Bearer ${api_key}`, "content-type": "application/json" };

const ratios: Record<string, number> = {};
for (const [name, method, path] of [
  ["get", "GET", (id: string) => `/v1/conversations/${id}`],
  ["list", "GET", () => "/v1/conversations?limit=20"],
  ["post", "POST", (id: string) => `/v1/conversations/${id}/messages`],
] as const) {
  const measured: { ours: number; by_hand: number }[] = [];
  for (let round = -1; round < rounds; round++) {
    const a = await load(ours, method, path(conversation_id));
    const b = await load(by_hand, method, path(uuidOf(conversation_id)));
    if (round >= 0) measured.push({ ours: a, by_hand: b });
  }
  ratios[name] = median(measured.map((turn) => turn.ours / turn.by_hand));
  const each = (key: "ours" | "by_hand") => Math.round(median(measured.map((turn) => turn[key])));
  console.log(`${name.padEnd(5)} ours ${each("ours")}/s   by hand ${each("by_hand")}/s   ratio ${ratios[name].toFixed(3)}`);
}
for (const { child, pool } of servers) {
  await pool.close();
  child.kill();
}
const round = (value: number | undefined) => Math.round((value ?? 0) * 1000) / 1000;
console.log(
  JSON.stringify({
    bench: "rest",
    ratio_get: round(ratios["get"]),
    ratio_list: round(ratios["list"]),
    ratio_post: round(ratios["post"]),
    front_door_round_trips: 1,
  }),
);

interface Server {
  child: ReturnType<typeof fork>;
  pool: Pool;
}

async function start(file: string): Promise<Server> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { env, execArgv: ["--import", "tsx"] });
  const port = await new Promise<number>((resolve) => child.once("message", (message) => resolve(Number(message))));
  return { child, pool: new Pool(`http://127.0.0.1:${port}`, { connections: at_once }) };
}

async function load({ pool }: Server, method: "GET" | "POST", path: string): Promise<number> {
  const until = performance.now() + seconds_per_turn * 1000;
  let answered = 0;
  await Promise.all(
    Array.from({ length: at_once }, async () => {
      while (performance.now() < until) {
        const response = await pool.request({ method, path, headers, ...(method === "POST" && { body }) });
        const text = await response.body.text();
        if (response.statusCode >= 300) throw new Error(`${path} answered ${response.statusCode}: ${text}`);
        answered += 1;
      }
    }),
  );
  return answered / seconds_per_turn;
}

/** A workspace with a hundred conversations and no limit to speak of. */
async function seed() {
  const world = await openWorld(readConfig(env));
  const { services } = world;
  const made = await newWorkspace(services, { name: "Bench", scopes: ["read", "write", "admin"] });
  const ctx = systemCtx(services, made.workspace_id);
  await services.db.execute(
    sql`update workspaces set api_rate_limit_per_minute = 1000000000 where id = ${uuidOf(made.workspace_id)}::uuid`,
  );
  await services.db.execute(
    sql`update api_keys set rate_limit_per_minute = 1000000000 where workspace_id = ${uuidOf(made.workspace_id)}::uuid`,
  );
  const { id } = await atomically(ctx, (tx) =>
    createChannel(tx, { channel: "whatsapp", provider: "sandbox", name: "Bench", account_id: "sandbox", credentials: {} }),
  );
  const channel = await findMine(ctx, channels, id);
  for (let i = 0; i < 100; i++) {
    await receiveEvent(ctx, channel, {
      kind: "message",
      dedupe_key: `bench-${i}`,
      external_id: `bench-${i}`,
      account_id: "sandbox",
      occurred_at: ctx.now(),
      from: [{ kind: "phone", value: `1555${String(i).padStart(7, "0")}` }],
      name: `Customer ${i}`,
      content: { type: "text", text: "Where is my order?" },
      raw: null,
    });
  }
  const { data } = await listConversations(ctx, { sort: "-last_message_at", limit: 1 });
  await world.close();
  return { api_key: made.api_key, conversation_id: data[0]!.id };
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
