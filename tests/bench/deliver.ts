import { execFileSync, fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { openWorld } from "../../src/bin/world.ts";
import { newWorkspace } from "../../src/bin/new-workspace.ts";
import { readConfig } from "../../src/config.ts";
import { uuidOf } from "../../src/core/ids.ts";
import { firstTurn, release } from "../../src/db/lease.ts";
import { claimDeliveries, deliveryQueue } from "../../src/dispatch/claim-deliveries.ts";
import { build, builtFrom } from "./servers.ts";

/**
 * Deliveries a second in one process, beside the same posts without a database and beside two queues on the same
 * server, turn about, as ratios; how long a commit takes to arrive; and what a claim costs with ever more waiting.
 */
const server_url = process.env["BENCH_DATABASE_URL"] ?? process.env["TEST_DATABASE_URL"];
if (!server_url) throw new Error("BENCH_DATABASE_URL must name a PostgreSQL with pgvector");
const rounds = Number(process.argv[3] ?? 3);
const count = 20_000;
const endpoint_count = 10;
const body = JSON.stringify({ id: "evt_01", type: "new_message", data: { text: "x".repeat(960) } });

const server = postgres(server_url, { max: 1, onnotice: () => {} });
const database = `wassla_bench_deliver_${process.pid}`;
const DATABASE_URL = await createDatabase("");
const secret = "a secret for this benchmark and nothing else";
const env = {
  ...process.env,
  DATABASE_URL,
  MASTER_KEY: secret,
  CRON_SECRET: secret,
  LOG_LEVEL: "warn",
  ALLOW_PRIVATE_WEBHOOKS: "on",
  BENCH_SECRET: `whsec_${randomBytes(32).toString("base64")}`,
};
const world = await openWorld(readConfig(env));
const sql = postgres(DATABASE_URL, { max: 1, onnotice: () => {} });
const peers = fileURLToPath(new URL("peers", import.meta.url));
/** The Node of all sides: the peers need a newer one than the service does, and what a Node is worth is nobody's merit. */
const execPath = installedPeers();
build();
const { child: receiver, told: urls } = await start<string[]>(builtFrom("deliver-receiver.ts"), String(endpoint_count));
const seeded = await seed();
const work = JSON.stringify({ count, urls, body });

try {
  const measured = await takeTurns();
  const latency_ms = await measureLatency();
  const claims = await measureClaims();
  const round = (value: number) => Math.round(value * 1000) / 1000;
  console.log(
    JSON.stringify({
      bench: "deliver",
      deliveries_per_second: Math.round(median(measured.map(({ ours }) => ours))),
      ratio_to_limit: round(median(measured.map(({ ours, limit }) => ours / limit))),
      ratio_to_pg_boss: round(median(measured.map(({ ours, pg_boss }) => ours / pg_boss))),
      ratio_to_graphile_worker: round(median(measured.map(({ ours, graphile_worker }) => ours / graphile_worker))),
      latency_ms: { p50: round(latency_ms.p50), p99: round(latency_ms.p99) },
      claim_cost_ratio_100k: round(claims[1]! / claims[0]!),
      claim_cost_ratio_1m: round(claims[2]! / claims[0]!),
    }),
  );
} finally {
  receiver.kill();
  await sql.end();
  await world.close();
  for (const suffix of ["", "_pg_boss", "_graphile_worker"])
    await server.unsafe(`drop database if exists ${database}${suffix} with (force)`);
  await server.end();
}

async function takeTurns() {
  const measured: Record<"limit" | "ours" | "pg_boss" | "graphile_worker", number>[] = [];
  // The first round warms up the server and counts for nothing.
  for (let round = 0; round <= rounds; round++) {
    const limit = await turn("deliver-limit.ts");
    await leaveDeliveries(count);
    const ours = await turn("deliver-ours.ts");
    await assertLogged();
    const pg_boss = await peerTurn("pg_boss", "pg-boss.ts");
    const graphile_worker = await peerTurn("graphile_worker", "graphile-worker.ts");
    const figures = { limit, ours, pg_boss, graphile_worker };
    console.log(
      Object.entries(figures)
        .map(([name, per_second]) => `${name} ${Math.round(per_second)}/s`)
        .join("   ") + (round === 0 ? "   (warming up)" : ""),
    );
    if (round > 0) measured.push(figures);
  }
  return measured;
}

async function turn(file: string): Promise<number> {
  const { child, told } = await start<number>(builtFrom(file), work);
  child.kill();
  await arrivals();
  return told;
}

/** Each in a database of its own, new in every turn. */
async function peerTurn(name: string, file: string): Promise<number> {
  const url = await createDatabase(`_${name}`);
  const { child, told } = await start<number>(`${peers}/${file}`, work, url);
  child.kill();
  await arrivals();
  return told;
}

async function measureLatency() {
  const waiting = JSON.stringify({ workspace: seeded.workspace, endpoints: seeded.endpoints, body, count: 1000 });
  const { told: committed } = await start<Moment[]>(builtFrom("deliver-latency.ts"), waiting);
  const arrived = new Map((await arrivals()).map(({ id, at }) => [id, BigInt(at)]));
  const waits = committed.map(({ id, at }) => {
    const there = arrived.get(id);
    if (there === undefined) throw new Error(`${id} never arrived`);
    return Number(there - BigInt(at)) / 1e6;
  });
  // The first second is the process's own warming up.
  const sorted = waits.slice(100).toSorted((a, b) => a - b);
  const figures = { p50: sorted[Math.floor(sorted.length * 0.5)]!, p99: sorted[Math.floor(sorted.length * 0.99)]! };
  console.log(`from commit to arrival   p50 ${figures.p50.toFixed(2)} ms   p99 ${figures.p99.toFixed(2)} ms`);
  return figures;
}

/** Of one claim as a run makes it: revive, lease, read what the attempts need. What it took is given back between. */
async function measureClaims(): Promise<number[]> {
  await sql`truncate webhook_attempts, webhook_deliveries, events cascade`;
  const costs: number[] = [];
  let ready = 0;
  for (const size of [1000, 100_000, 1_000_000]) {
    await leaveDeliveries(size - ready);
    ready = size;
    const taken: number[] = [];
    for (let n = 0; n < 60; n++) {
      const started_ms = performance.now();
      const { deliveries } = await claimDeliveries(world.services, firstTurn(), { lanes: 64, in_flight_per_lane: 20, limit: 200 });
      taken.push(performance.now() - started_ms);
      if (deliveries.length !== 200) throw new Error(`a claim took ${deliveries.length}`);
      await release(world.services.db, deliveryQueue, deliveries, world.services.now());
    }
    const cost_ms = median(taken.slice(10));
    costs.push(cost_ms);
    console.log(`a claim of 200 with ${size} ready   ${cost_ms.toFixed(2)} ms`);
  }
  return costs;
}

async function createDatabase(suffix: string): Promise<string> {
  await server.unsafe(`drop database if exists ${database}${suffix} with (force)`);
  await server.unsafe(`create database ${database}${suffix}`);
  const url = new URL(server_url!);
  url.pathname = `/${database}${suffix}`;
  return url.href;
}

async function seed(): Promise<{ workspace: string; endpoints: string[] }> {
  const { workspace_id } = await newWorkspace(world.services, { name: "Bench", scopes: ["admin"] });
  const workspace = uuidOf(workspace_id);
  const endpoints = await sql<{ id: string }[]>`
    insert into webhook_endpoints (workspace_id, id, url, event_types, created_at, updated_at)
    select ${workspace}, gen_random_uuid(), url, '{new_message}', now(), now() from unnest(${urls}::text[]) as url returning id`;
  return { workspace, endpoints: endpoints.map(({ id }) => id) };
}

/** As traffic would have left them: one event and one delivery each, the endpoints in turn. */
async function leaveDeliveries(size: number): Promise<void> {
  // In the order of their making, as the service's own ids are: random ones would scatter every write over the indexes.
  const new_id = sql`
    (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid`;
  await sql`
    with happened as (
      insert into events (workspace_id, id, type, channel, payload, created_at)
      select ${seeded.workspace}, ${new_id}, 'new_message', 'whatsapp', ${body}, now() from generate_series(1, ${size}) returning id
    )
    insert into webhook_deliveries (workspace_id, id, endpoint_id, event_id, event_type, status, due_at, created_at, updated_at)
    select ${seeded.workspace}, ${new_id}, (${seeded.endpoints}::uuid[])[1 + row_number() over () % ${endpoint_count}], id, 'new_message',
      'ready', now() + row_number() over () * interval '1 microsecond', now(), now() from happened`;
  await sql`vacuum analyze`;
  await sql`checkpoint`;
}

async function assertLogged(): Promise<void> {
  const [{ missing } = { missing: -1 }] = await sql<{ missing: number }[]>`
    select count(*)::int as missing from webhook_deliveries d where d.status <> 'succeeded'
      or not exists (select from webhook_attempts a where a.workspace_id = d.workspace_id and a.delivery_id = d.id)`;
  if (missing !== 0) throw new Error(`${missing} deliveries were not made and logged`);
}

/** They are not the project's dependencies: installed here when they are asked for, by their own lockfile. */
function installedPeers(): string {
  const node = `${peers}/node_modules/node/bin/node`;
  if (!existsSync(node)) execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: peers, stdio: "inherit" });
  return node;
}

interface Moment {
  id: string;
  at: string;
}

/** What the receiver took since it was last asked. */
function arrivals(): Promise<Moment[]> {
  receiver.send("arrivals");
  return new Promise((resolve) => receiver.once("message", (moments) => resolve(moments as Moment[])));
}

/** Starts a file as a process of its own; what it says first is what it was asked for. */
async function start<T>(file: string, argument: string, DATABASE_URL = env.DATABASE_URL): Promise<{ child: ChildProcess; told: T }> {
  const child = fork(file, [argument], { env: { ...env, DATABASE_URL }, execArgv: [], execPath });
  const told = await new Promise<T>((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("exit", (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  return { child, told };
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
