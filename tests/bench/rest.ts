import { deepStrictEqual } from "node:assert/strict";
import { desc, sql } from "drizzle-orm";
import { createApiKey } from "../../src/api-keys/create-api-key.ts";
import { newWorkspace } from "../../src/bin/new-workspace.ts";
import { openWorld } from "../../src/bin/world.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import { channels } from "../../src/channels/tables.ts";
import { readConfig } from "../../src/config.ts";
import { listConversations } from "../../src/conversations/list-conversations.ts";
import { systemCtx, type Ctx } from "../../src/core/context.ts";
import { uuidOf } from "../../src/core/ids.ts";
import { atomically } from "../../src/db/atomically.ts";
import { findMine, mine } from "../../src/db/mine.ts";
import { receiveEvent } from "../../src/messages/receive-event.ts";
import { events } from "../../src/webhooks/tables.ts";
import { build, built, countingWire, start, stop, type Server } from "./servers.ts";

/**
 * The whole house against the same work written by hand in one file, both from a build: that they do the same is
 * asserted first, by their answers and their events, and that the house takes no more round trips to the database. Then requests a second, as ratios.
 */
const DATABASE_URL = process.env["BENCH_DATABASE_URL"] ?? process.env["TEST_DATABASE_URL"];
if (!DATABASE_URL) throw new Error("BENCH_DATABASE_URL must name a PostgreSQL with pgvector");
const rounds = Number(process.argv[3] ?? 15);
/** Turns that count for nothing: code is compiled while it runs, and the larger of the two takes longer to be. */
const warm_up_rounds = 4;
const seconds_per_turn = 1;
const at_once = 16;
const calls_per_batch = 10;

const secret = "a secret for this benchmark and nothing else";
const env = {
  ...process.env,
  DATABASE_URL,
  DATABASE_POOL_SIZE: "10",
  MASTER_KEY: secret,
  CRON_SECRET: secret,
  PUBLIC_URL: "http://127.0.0.1",
  HOST: "127.0.0.1",
  SCHEDULER: "off",
  LOG_LEVEL: "silent",
  IP_RATE_LIMIT_PER_MINUTE: "1000000000",
};
const text = "Your order leaves today.";
const body = JSON.stringify({ content: { type: "text", text } });

/** The same request in each dialect, about one conversation after the other. */
interface Operation {
  name: string;
  method: "GET" | "POST";
  ours: (ids: string[]) => string;
  by_hand: (ids: string[]) => string;
  /** How many conversations it is about, and how many requests it counts as. */
  calls: number;
  /** By as many keys as ask at once: what one key asks at once the house lets in together, which the hand does not. */
  by_many_keys?: boolean;
}

const uuids = (ids: string[]): string[] => ids.map(uuidOf);
const rpcInput = (input: unknown): string => encodeURIComponent(JSON.stringify(input));
const operations: Operation[] = [
  {
    name: "get",
    method: "GET",
    calls: 1,
    ours: ([id]) => `/v1/conversations/${id}`,
    by_hand: (ids) => `/v1/conversations/${uuids(ids)[0]}`,
  },
  {
    name: "get_by_keys",
    method: "GET",
    calls: 1,
    by_many_keys: true,
    ours: ([id]) => `/v1/conversations/${id}`,
    by_hand: (ids) => `/v1/conversations/${uuids(ids)[0]}`,
  },
  { name: "list", method: "GET", calls: 1, ours: () => "/v1/conversations?limit=20", by_hand: () => "/v1/conversations?limit=20" },
  {
    name: "post",
    method: "POST",
    calls: 1,
    ours: ([id]) => `/v1/conversations/${id}/messages`,
    by_hand: (ids) => `/v1/conversations/${uuids(ids)[0]}/messages`,
  },
  {
    name: "trpc_get",
    method: "GET",
    calls: 1,
    ours: ([id]) => `/trpc/conversations.get?input=${rpcInput({ conversation_id: id })}`,
    by_hand: (ids) => `/v1/conversations/${uuids(ids)[0]}`,
  },
  {
    name: "trpc_batch",
    method: "GET",
    calls: calls_per_batch,
    ours: (ids) =>
      `/trpc/${ids.map(() => "conversations.get").join(",")}?batch=1&input=${rpcInput(Object.fromEntries(ids.map((conversation_id, call) => [call, { conversation_id }])))}`,
    by_hand: (ids) => `/v1/batch?ids=${uuids(ids).join(",")}`,
  },
];

build();
const { api_keys, ctx, ids, close } = await seed();
const { front_door_round_trips } = await assertSameWork();
const ratios = await race();
await close();
console.log(JSON.stringify({ bench: "rest", ...ratios, front_door_round_trips }));

/** Refuses to race what does not do the same; on one connection each, through a wire that counts. */
async function assertSameWork() {
  const wires = { ours: await countingWire(DATABASE_URL!), by_hand: await countingWire(DATABASE_URL!) };
  const one = (side: keyof typeof wires) => start(built[side], { ...env, DATABASE_URL: wires[side].url, DATABASE_POOL_SIZE: "1" }, 1);
  const [ours, by_hand] = await Promise.all([one("ours"), one("by_hand")]);
  const about = ids.slice(0, calls_per_batch);

  /** The second time: the first also prepares the statements. */
  const counted = async (side: keyof typeof wires, method: "GET" | "POST", path: string) => {
    const server = side === "ours" ? ours : by_hand;
    await ask(server, method, path);
    wires[side].reset();
    const answer: unknown = JSON.parse(await ask(server, method, path));
    return { answer, round_trips: wires[side].count() };
  };

  for (const { name, method, ...paths } of operations) {
    const a = await counted("ours", method, paths.ours(about));
    const snapshot = method === "POST" ? await lastEvent() : undefined;
    const b = await counted("by_hand", method, paths.by_hand(about));
    deepStrictEqual(comparable(unwrapped(a.answer)), comparable(b.answer), `${name}: the answers differ`);
    if (snapshot) deepStrictEqual(comparable(snapshot), comparable(await lastEvent()), `${name}: the events differ`);
    console.log(`${name.padEnd(12)}the same answer, in round trips ours ${a.round_trips}, by hand ${b.round_trips}`);
    if (a.round_trips > b.round_trips) throw new Error(`${name}: more round trips than by hand`);
  }
  // What the front door has found out is the whole answer of this operation.
  const { round_trips } = await counted("ours", "GET", "/v1/rate_limit");
  await Promise.all([stop(ours), stop(by_hand)]);
  for (const wire of Object.values(wires)) wire.close();
  return { front_door_round_trips: round_trips };
}

async function lastEvent(): Promise<unknown> {
  const [event] = await ctx.db.select().from(events).where(mine(ctx, events)).orderBy(desc(events.xid)).limit(1);
  return JSON.parse(event!.payload);
}

/** tRPC wraps what it answers, call by call. */
function unwrapped(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(unwrapped);
  return (answer as { result?: { data: unknown } }).result?.data ?? answer;
}

/** What must be equal: all but the form of ids, and what is new with each message. */
function comparable(answer: unknown): unknown {
  const as_uuids = JSON.stringify(answer).replaceAll(/\b[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}\b/g, uuidOf);
  return JSON.parse(as_uuids, (name, value: unknown) => {
    if (name === "next_cursor" && typeof value === "string") return "signed";
    const { object, type } = (value ?? {}) as { object?: string; type?: string };
    if (object === "message" || type === "new_message")
      return { ...(value as object), id: "new", timestamp: "now", created_at: "now", updated_at: "now" };
    if (object === "conversation") return { ...(value as object), message_count: "counted", updated_at: "now", last_message_at: "now" };
    return value;
  });
}

/** Turn about, and who begins too (ABBA): what disturbs the machine disturbs both. */
async function race() {
  const [ours, by_hand] = await Promise.all([start(built.ours, env, at_once), start(built.by_hand, env, at_once)]);
  const ratios: Record<string, number> = {};
  for (const operation of operations) {
    const turns: { ours: number; by_hand: number }[] = [];
    for (let round = -warm_up_rounds; round < rounds; round++) {
      const turn = { ours: 0, by_hand: 0 };
      for (const side of round % 2 === 0 ? (["ours", "by_hand"] as const) : (["by_hand", "ours"] as const)) {
        turn[side] = await callsPerSecond(side === "ours" ? ours : by_hand, operation, operation[side]);
      }
      if (round >= 0) turns.push(turn);
    }
    const [low, middle, high] = quartiles(turns.map((turn) => turn.ours / turn.by_hand));
    const each = (side: "ours" | "by_hand") => Math.round(quartiles(turns.map((turn) => turn[side]))[1]);
    ratios[`ratio_${operation.name}`] = Number(middle.toFixed(3));
    console.log(
      `${operation.name.padEnd(12)}ours ${each("ours")}/s, by hand ${each("by_hand")}/s, ratio ${middle.toFixed(3)} (half of ${rounds} rounds within ${low.toFixed(3)} to ${high.toFixed(3)})`,
    );
  }
  await Promise.all([stop(ours), stop(by_hand)]);
  return ratios;
}

async function callsPerSecond(
  server: Server,
  { method, calls, by_many_keys }: Operation,
  pathOf: (ids: string[]) => string,
): Promise<number> {
  const began = performance.now();
  let answered = 0;
  let next = 0;
  await Promise.all(
    Array.from({ length: at_once }, async (_, client) => {
      const api_key = api_keys[by_many_keys ? client : 0];
      while (performance.now() < began + seconds_per_turn * 1000) {
        const about = Array.from({ length: calls }, () => ids[next++ % ids.length]!);
        await ask(server, method, pathOf(about), api_key);
        answered += calls;
      }
    }),
  );
  return (answered * 1000) / (performance.now() - began);
}

async function ask({ pool }: Server, method: "GET" | "POST", path: string, api_key = api_keys[0]): Promise<string> {
  const headers = { authorization: `Bearer ${api_key}`, "content-type": "application/json" };
  const response = await pool.request({ method, path, headers, ...(method === "POST" && { body }) });
  const answer = await response.body.text();
  if (response.statusCode >= 300) throw new Error(`${path} answered ${response.statusCode}: ${answer}`);
  return answer;
}

/** A workspace with a hundred conversations and no limit to speak of. */
async function seed() {
  const world = await openWorld(readConfig(env));
  const { services } = world;
  const { workspace_id, api_key } = await newWorkspace(services, { name: "Bench", scopes: ["read", "write", "admin"] });
  const ctx: Ctx = systemCtx(services, workspace_id);
  const uuid = uuidOf(workspace_id);
  const others = await atomically(ctx, (tx) =>
    Promise.all(
      Array.from({ length: at_once - 1 }, () =>
        createApiKey(tx, { name: "Another", scopes: ["read"], rate_limit_per_minute: 1_000_000_000 }),
      ),
    ),
  );
  await services.db.execute(sql`update workspaces set api_rate_limit_per_minute = 1000000000 where id = ${uuid}::uuid`);
  await services.db.execute(sql`update api_keys set rate_limit_per_minute = 1000000000 where workspace_id = ${uuid}::uuid`);
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
  await services.db.execute(sql`vacuum analyze`);
  const { data } = await listConversations(ctx, { sort: "-last_message_at", limit: 100 });
  return {
    api_keys: [api_key, ...others.map(({ token }) => token)],
    ctx,
    ids: data.map((conversation) => conversation.id as string),
    close: () => world.close(),
  };
}

function quartiles(values: number[]): [number, number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]!;
  return [at(0.25), at(0.5), at(0.75)];
}
