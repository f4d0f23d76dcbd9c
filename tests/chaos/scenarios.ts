import { setTimeout as sleep } from "node:timers/promises";
import { delaysOf, type Finding, holdInquest, percentile } from "./inquest.ts";
import type { Receiver } from "./receiver.ts";
import { becomes, type Stage, type Tenant, until } from "./stage.ts";

/** How much of everything. */
export interface Size {
  kills: number;
  strikes: number;
  /** Events of each turn of (c). */
  burst: number;
  talk_seconds: number;
  backlog: number;
  small_events: number;
  /** Waits out the minute of the last lease, instead of moving its end into the past. */
  waits_for_leases: boolean;
  /** How long a receiver that fails half of the time is given to get everything. */
  retry_seconds: number;
}

export const full: Size = {
  kills: 20,
  strikes: 3,
  burst: 1500,
  talk_seconds: 30,
  backlog: 100_000,
  small_events: 20,
  waits_for_leases: true,
  retry_seconds: 180,
};
export const short: Size = {
  kills: 2,
  strikes: 1,
  burst: 150,
  talk_seconds: 3,
  backlog: 3000,
  small_events: 5,
  waits_for_leases: false,
  retry_seconds: 0,
};

/** What is called prompt for an endpoint that works, whatever its neighbours do and however busy the machine is. */
const promptly_ms = 5000;

export type Report = Finding & { p50_ms: number; p99_ms: number } & Record<string, unknown>;

/** In the order in which they are played: what the last one leaves waiting disturbs nobody. */
export const scenarios: Record<string, (stage: Stage, size: Size) => Promise<Report>> = {
  "dispatchers are killed under load": killDispatchers,
  "the database breaks off mid-flight": strikeDatabase,
  "two dispatchers, then four": crowd,
  "an endpoint hangs beside healthy ones": hang,
  "a receiver resets half of its connections": reset,
  "a tenant with a backlog beside one with a single event": backlog,
};

/** kill -9. The minute that a dead dispatcher's leases last is passed by moving their end; the last one's may be waited for. */
async function killDispatchers(stage: Stage, { kills, waits_for_leases }: Size): Promise<Report> {
  const tenant = await stage.tenant();
  const receiver = await tenant.endpoint({ takes_ms: 30 });
  await tenant.endpoint({ takes_ms: 30 });
  const talk = tenant.talks(60);
  let dead_leases = 0;
  for (let n = 1; n <= kills; n++) {
    const before = receiver.arrivals.length;
    await stage.dispatchers(1);
    await until(() => receiver.arrivals.length > before);
    await sleep(Math.random() * 500);
    await stage.killDispatcher();
    if (n < kills || !waits_for_leases) dead_leases += await stage.passLeases();
  }
  await talk.silence();
  const last_killed_ms = Date.now();
  await stage.dispatchers(1);
  const broken = await settle(stage, [tenant], 90_000);
  if (dead_leases === 0) broken.push("no dispatcher held a lease when it was killed: this proves nothing");
  return report(stage, [tenant], [receiver], broken, {
    kills,
    dead_leases,
    last_lease_seconds: Math.round((Date.now() - last_killed_ms) / 1000),
  });
}

async function strikeDatabase(stage: Stage, { strikes, waits_for_leases }: Size): Promise<Report> {
  const tenant = await stage.tenant();
  const receiver = await tenant.endpoint({ takes_ms: 30 });
  await stage.dispatchers(1);
  const talk = tenant.talks(60);
  for (let n = 0; n < strikes; n++) {
    const before = receiver.arrivals.length;
    await until(() => receiver.arrivals.length > before + 30);
    await stage.server.strike();
  }
  const before = receiver.arrivals.length;
  await until(() => receiver.arrivals.length > before + 30);
  await talk.silence();
  if (!waits_for_leases) {
    // A result that could not be written leaves its lease. Nobody posts for longer than this, so what is leased is nobody's.
    await sleep(1500);
    await stage.passLeases();
  }
  return report(stage, [tenant], [receiver], await settle(stage, [tenant], 90_000), { strikes, blow: stage.server.blow });
}

/** Nothing is posted twice where nobody dies. */
async function crowd(stage: Stage, { burst }: Size): Promise<Report> {
  const tenant = await stage.tenant();
  const receivers = [await tenant.endpoint(), await tenant.endpoint(), await tenant.endpoint(), await tenant.endpoint()];
  const broken: string[] = [];
  for (const count of [2, 4]) {
    await stage.dispatchers(count);
    await tenant.talks(150, burst).done;
    broken.push(...(await settle(stage, [tenant], 60_000)));
  }
  await stage.dispatchers(1);
  const found = await report(stage, [tenant], receivers, broken, { dispatchers: [2, 4] });
  if (found.duplicates > 0) found.broken.push(`${found.duplicates} requests were made twice`);
  return assertPrompt(found);
}

/** One hangs, and so every attempt at it times out after ten seconds. */
async function hang(stage: Stage, { talk_seconds }: Size): Promise<Report> {
  const [tenant, neighbour] = [await stage.tenant(), await stage.tenant()];
  let is_hanging = true;
  const hanging = await tenant.endpoint({ manner: () => (is_hanging ? "hang" : "accept") });
  const healthy = [await tenant.endpoint(), await neighbour.endpoint()];
  await stage.dispatchers(1);
  const talks = [tenant.talks(20), neighbour.talks(20)];
  await sleep(talk_seconds * 1000);
  for (const talk of talks) await talk.silence();
  const wanted = tenant.said.length + neighbour.said.length;
  const arrived = () => healthy.reduce((sum, { accepted }) => sum + accepted.size, 0);
  const broken = (await becomes(() => arrived() === wanted, 30_000)) ? [] : [`of ${wanted} healthy deliveries ${arrived()} arrived`];
  const hung = hanging.arrivals.length;
  const found = await report(stage, [tenant, neighbour], healthy, broken, { hung });
  is_hanging = false;
  return assertPrompt(found);
}

async function reset(stage: Stage, { talk_seconds, retry_seconds }: Size): Promise<Report> {
  const [tenant, neighbour] = [await stage.tenant(), await stage.tenant()];
  const flaky = await tenant.endpoint({ manner: () => (Math.random() < 0.5 ? "reset" : "accept") });
  const healthy = await neighbour.endpoint();
  await stage.dispatchers(1);
  const talks = [tenant.talks(20), neighbour.talks(20)];
  await sleep(talk_seconds * 1000);
  for (const talk of talks) await talk.silence();
  const started_ms = Date.now();
  const has_all = await becomes(() => flaky.accepted.size === tenant.said.length, retry_seconds * 1000);
  await until(() => healthy.accepted.size === neighbour.said.length);
  const seconds_to_the_last = has_all ? Math.round((Date.now() - started_ms) / 1000) : null;
  return assertPrompt(await report(stage, [tenant, neighbour], [healthy], [], { seconds_to_the_last }));
}

/** The backlog is written by SQL; the events beside it come through the front door, one after the other. */
async function backlog(stage: Stage, { backlog: count, small_events }: Size): Promise<Report> {
  const [large, small] = [await stage.tenant(), await stage.tenant()];
  const flooded = await large.endpoint();
  const receiver = await small.endpoint();
  await stage.dispatchers(1);
  await leaveBacklog(stage, large, flooded.endpoint_id, count);
  await until(() => flooded.arrivals.length > 0);
  for (let n = 1; n <= small_events; n++) {
    await small.says(`small ${n}`);
    await until(() => receiver.accepted.size === n);
  }
  const left = count - flooded.accepted.size;
  // What it has in flight it ends; what waits stays in its rows.
  await stage.dispatchers(0);
  const found = assertPrompt(await report(stage, [large, small], [receiver], [], { backlog: count, left }));
  if (left === 0) found.broken.push("the backlog was gone before the small tenant's last event: this proves nothing");
  return found;
}

async function leaveBacklog({ sql }: Stage, { uuid, workspace_id }: Tenant, endpoint_id: string, count: number): Promise<void> {
  await sql`
    with happened as (
      insert into events (workspace_id, id, type, channel, payload, created_at)
      select ${uuid}::uuid, id, 'new_message', 'whatsapp',
        json_build_object('id', id, 'type', 'new_message', 'timestamp', now(), 'workspace_id', ${workspace_id}::text)::text, now()
      from (select gen_random_uuid() as id from generate_series(1, ${count}::int)) as made
      returning id
    )
    insert into webhook_deliveries (workspace_id, id, endpoint_id, event_id, event_type, status, due_at, created_at, updated_at)
    select ${uuid}::uuid, gen_random_uuid(), ${endpoint_id}::uuid, id, 'new_message', 'ready', now(), now(), now() from happened`;
  await sql`analyze webhook_deliveries`;
}

/** Waits until nothing of these is waiting, and says so where that does not come to pass. */
async function settle({ sql }: Stage, tenants: Tenant[], within_ms: number): Promise<string[]> {
  const uuids = tenants.map(({ uuid }) => uuid);
  const waiting = async () =>
    (
      await sql<{ n: number }[]>`select count(*)::int as n from webhook_deliveries
      where workspace_id = any(${uuids}) and status in ('ready', 'scheduled', 'delivering')`
    )[0]!.n;
  if (await becomes(async () => (await waiting()) === 0, within_ms)) return [];
  return [`${await waiting()} deliveries still wait after ${within_ms / 1000} s`];
}

async function report(
  stage: Stage,
  tenants: Tenant[],
  healthy: Pick<Receiver, "arrivals">[],
  broken: string[],
  more: object,
): Promise<Report> {
  const delays = delaysOf(healthy);
  const found = await holdInquest(stage, tenants);
  found.broken.unshift(...broken);
  return { ...found, p50_ms: percentile(delays, 0.5), p99_ms: percentile(delays, 0.99), ...more };
}

function assertPrompt(found: Report): Report {
  if (!(found.p99_ms < promptly_ms)) found.broken.push(`the healthy ones waited ${found.p99_ms} ms, which is not prompt`);
  return found;
}
