import { and, eq, sql } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { systemCtx, type Db, type Services, type Tx } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import type { PostOutcome } from "../core/poster.ts";
import type { Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { columnwise } from "../db/columnwise.ts";
import type { Claim } from "../db/lease.ts";
import { findMine, mine } from "../db/mine.ts";
import { statement } from "../db/statement.ts";
import { webhook_attempts, webhook_deliveries, webhook_endpoint_hours, webhook_endpoints } from "../webhooks/tables.ts";
import { tendEndpoints } from "../webhooks/tend-endpoints.ts";
import { outOfService, withdrawn, withdrawWaiting } from "../webhooks/withdraw.ts";
import type { ClaimedDelivery } from "./claim-deliveries.ts";
import type { Verdict } from "./judge.ts";

/** One attempt that was made, and what follows from it. */
export interface Result {
  attempt_id: Id<"att">;
  delivery: ClaimedDelivery;
  outcome: PostOutcome;
  verdict: Verdict;
  started_at: Timestamp;
  ended_at: Timestamp;
}

/**
 * Writes many results in one statement. Only rows whose lease still holds are changed, and only of those is
 * an attempt logged: a worker that lost its lease leaves no trace. It waits for nobody who holds an endpoint.
 */
export async function settleDeliveries(services: Services, results: Result[]): Promise<void> {
  const settlements = [
    await settle(
      services.db,
      results.filter(({ verdict }) => !verdict.gone),
    ),
  ];
  const farewells = await Promise.allSettled(
    byEndpoint(results.filter(({ verdict }) => verdict.gone)).map((told) => settleGone(services, told)),
  );
  for (const farewell of farewells) if (farewell.status === "fulfilled") settlements.push(farewell.value);
  tallyEnded(
    services,
    settlements.flatMap(({ settled }) => settled),
  );
  await turn(
    services,
    settlements.flatMap(({ words }) => words),
  );
  for (const farewell of farewells) if (farewell.status === "rejected") throw farewell.reason;
}

/** What of some results was written, and which endpoints fare otherwise than is said of them. */
interface Settlement {
  settled: Result[];
  words: Word[];
}

async function settle(db: Db | Tx, results: Result[]): Promise<Settlement> {
  if (results.length === 0) return { settled: [], words: [] };
  const told = await settling(db, made.values(results));
  const lost = new Set(told.flatMap((row) => (row.uuid === null ? [] : [leaseOf(row)])));
  return {
    settled: lost.size === 0 ? results : results.filter(({ delivery }) => !lost.has(leaseOf(delivery))),
    words: told.flatMap((row) => (row.uuid === null ? [row] : [])),
  };
}

function byEndpoint(results: readonly Result[]): Result[][] {
  const groups = new Map<Id<"whe">, Result[]>();
  for (const result of results) groups.set(result.delivery.endpoint.id, [...(groups.get(result.delivery.endpoint.id) ?? []), result]);
  return [...groups.values()];
}

function tallyEnded({ tally }: Services, settled: readonly Result[]): void {
  const ended = new Map<Id<"ws">, number>();
  for (const { delivery, verdict } of settled) {
    if (verdict.status === "scheduled" || delivery.trigger === "test") continue;
    ended.set(delivery.workspace_id, (ended.get(delivery.workspace_id) ?? 0) + 1);
  }
  for (const [workspace_id, count] of ended) tally.note("webhook_deliveries", { workspace_id }, count);
}

const leaseOf = ({ uuid, lease_id }: Pick<Claim, "uuid" | "lease_id">): string => `${uuid} ${lease_id}`;

const made = columnwise<Result>({
  workspace_id: ["uuid", ({ delivery }) => uuidOf(delivery.workspace_id)],
  uuid: ["uuid", ({ delivery }) => delivery.uuid],
  lease_id: ["uuid", ({ delivery }) => delivery.lease_id],
  attempt_id: ["uuid", ({ attempt_id }) => uuidOf(attempt_id)],
  status: ["text", ({ verdict }) => verdict.status],
  due_at: ["timestamptz", ({ verdict, ended_at }) => (verdict.due_at === ended_at ? null : verdict.due_at)],
  not_before: ["timestamptz", ({ verdict }) => verdict.not_before ?? null],
  extra: ["int", ({ verdict }) => (verdict.is_extra ? 1 : null)],
  completed_at: ["timestamptz", ({ verdict }) => verdict.completed_at],
  attempt_trigger: ["text", ({ delivery }) => delivery.trigger],
  url: ["text", ({ delivery }) => delivery.endpoint.url],
  started_at: ["timestamptz", ({ started_at }) => started_at],
  ended_at: ["timestamptz", ({ ended_at }) => ended_at],
  status_code: ["int", ({ outcome }) => outcome.status_code],
  error: ["text", ({ outcome }) => outcome.error],
  duration_ms: ["int", ({ outcome }) => outcome.duration_ms],
  response_headers: ["json", ({ outcome }) => outcome.response_headers && JSON.stringify(outcome.response_headers)],
  response_body: ["text", ({ outcome }) => outcome.response_body],
  remote_address: ["text", ({ outcome }) => outcome.remote_address],
});

/** A result whose lease was lost, or else an endpoint's last word that is news. */
type Told = Pick<Claim, "uuid" | "lease_id"> | (Word & { uuid: null });

/** How the last attempt of an endpoint ended. Tests are none. */
interface Word {
  workspace_id: string;
  endpoint_id: string;
  works: boolean;
  ended_at: string;
}

/*
 * A plan that was made when little was under way stays. So what is settled is found by its key alone, where the index of
 * what is leased could be walked for each result.
 */
const settling = statement<Told>(
  () => sql`
    /* across tenants: settle */
    with result as materialized (
      select * from ${made.rows} as made
    ), settled as (
      update ${webhook_deliveries} as d
      set status = case when r.status = 'scheduled' and not (${isOfThisTerm}) then 'canceled' else r.status end,
        attempts = d.attempts + 1, due_at = coalesce(r.due_at, r.ended_at), trigger = 'automatic',
        completed_at = case when r.status <> 'scheduled' then coalesce(r.completed_at, d.completed_at) when not (${isOfThisTerm}) then r.ended_at end,
        resting_status = null, not_before = r.not_before,
        hurried_from = case when r.extra = 1 then d.hurried_from end, extra_attempts = d.extra_attempts + coalesce(r.extra, 0),
        lease_id = null, lease_until = null, last_status_code = r.status_code, last_error = r.error,
        last_attempt_at = r.started_at, updated_at = r.ended_at
      from result as r
      where d.workspace_id = r.workspace_id and d.id = r.uuid and d.lease_id = r.lease_id
      returning r.*, d.endpoint_id, d.attempts as number
    ), logged as (
      insert into ${webhook_attempts} (workspace_id, id, delivery_id, number, trigger, url, status_code, error, duration_ms,
        response_headers, response_body, remote_address, created_at)
      select workspace_id, attempt_id, uuid, number, attempt_trigger, url, status_code, error, duration_ms,
        response_headers, response_body, remote_address, started_at from settled
    ), counted as (
      insert into ${webhook_endpoint_hours} as h (workspace_id, endpoint_id, hour, succeeded, failed)
      select workspace_id, endpoint_id, date_trunc('hour', ended_at, 'UTC'),
        count(*) filter (where error is null), count(*) filter (where error is not null)
      from settled where attempt_trigger <> 'test'
      group by 1, 2, 3
      -- Whoever writes the same hours meanwhile takes them in the same order.
      order by 1, 2, 3
      on conflict (workspace_id, endpoint_id, hour) do update
      set succeeded = h.succeeded + excluded.succeeded, failed = h.failed + excluded.failed
    ), last_word as (
      select distinct on (workspace_id, endpoint_id) workspace_id, endpoint_id, error is null as works, ended_at
      from settled where attempt_trigger <> 'test' order by workspace_id, endpoint_id, ended_at desc
    )
    select uuid, lease_id, null::uuid as workspace_id, null::uuid as endpoint_id, null::boolean as works, null::timestamptz as ended_at
    from (select uuid, lease_id from result except select uuid, lease_id from settled) as lost
    union all
    select null, null, w.* from last_word as w cross join lateral (
      select e.failing_since from ${webhook_endpoints} as e where e.workspace_id = w.workspace_id and e.id = w.endpoint_id limit 1) as e
    where (e.failing_since is null) <> w.works`,
);

/** Asked for what is to be tried again alone: whether its endpoint has been in service since it was written. */
const isOfThisTerm = sql`select e.term = d.term from ${webhook_endpoints} as e where e.workspace_id = d.workspace_id and e.id = d.endpoint_id`;

/** After a shorter one nothing that failed in it waits for longer than that, by its own schedule. */
const outage_seconds = 120;

/** What is said of an endpoint, once the outcomes are written down: for whoever holds it is waited here. */
async function turn(services: Services, words: readonly Word[]): Promise<void> {
  if (words.length === 0) return;
  const turned = await turning(services.db, news.values(words));
  if (turned.some(({ had_outage }) => had_outage)) await tendEndpoints(services);
}

const news = columnwise<Word>({
  workspace_id: ["uuid", ({ workspace_id }) => workspace_id],
  endpoint_id: ["uuid", ({ endpoint_id }) => endpoint_id],
  ended_at: ["timestamptz", ({ ended_at }) => ended_at],
  failing_since: ["timestamptz", ({ works, ended_at }) => (works ? null : ended_at)],
});

/** The first success of an endpoint that nothing got through to for so long brings forward what waits for it. */
const turning = statement<{ had_outage: boolean }>(
  () => sql`
    /* across tenants: turn */
    with turned as (
      select e.workspace_id, e.id, w.ended_at, w.failing_since,
        w.failing_since is null and e.failing_since <= w.ended_at - ${sql.raw(String(outage_seconds))} * interval '1 second' as had_outage
      from ${webhook_endpoints} as e join (select * from ${news.rows} as word) as w on e.workspace_id = w.workspace_id and e.id = w.endpoint_id
      where (e.failing_since is null) <> (w.failing_since is null)
      order by e.workspace_id, e.id for no key update of e
    )
    update ${webhook_endpoints} as e
    set failing_since = t.failing_since, recovered_at = case when t.had_outage then t.ended_at end,
      tend_at = case when t.had_outage then least(e.tend_at, t.ended_at) else e.tend_at end
    from turned as t where e.workspace_id = t.workspace_id and e.id = t.id
    returning t.had_outage`,
);

/**
 * 410 Gone: the endpoint is disabled in the transaction that records it, and what waits for it is canceled. Nothing else disables
 * one; and it does no harm to a new URL, or to one that somebody has enabled since.
 */
async function settleGone(services: Services, results: Result[]): Promise<Settlement> {
  const { workspace_id, endpoint } = results[0]!.delivery;
  return atomically(systemCtx(services, workspace_id), async (tx) => {
    const { id, enabled, url, term } = await findMine(tx, webhook_endpoints, endpoint.id, { lock: "update" });
    const settlement = await settle(tx.db, results);
    const is_gone = settlement.settled.some(({ delivery }) => delivery.endpoint.url === url && delivery.endpoint.term === term);
    if (!enabled || !is_gone) return settlement;
    const now = tx.now();
    const [disabled] = await tx.db
      .update(webhook_endpoints)
      .set({ ...outOfService(now), disabled_reason: "gone", updated_at: now })
      .where(and(mine(tx, webhook_endpoints), eq(webhook_endpoints.id, id)))
      .returning();
    await withdrawWaiting(tx.db, disabled!, now);
    await record(tx, "webhook_endpoint.disabled", id, { reason: "gone" });
    return settlement;
  });
}

/** A delivery whose endpoint went out of service after it was written is never made. */
export async function cancelClaimed(services: Services, { workspace_id, uuid, lease_id }: ClaimedDelivery): Promise<void> {
  await services.db
    .update(webhook_deliveries)
    .set({ ...withdrawn(services.now()), lease_id: null, lease_until: null })
    .where(
      and(
        mine({ workspace_id }, webhook_deliveries),
        sql`${webhook_deliveries.id} = ${uuid}::uuid`,
        eq(webhook_deliveries.lease_id, lease_id),
      ),
    );
}
