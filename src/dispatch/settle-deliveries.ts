import { and, eq, sql } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { systemCtx, type Services } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import type { PostOutcome } from "../core/poster.ts";
import type { Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { columnwise } from "../db/columnwise.ts";
import type { Claim } from "../db/lease.ts";
import { mine } from "../db/mine.ts";
import { statement } from "../db/statement.ts";
import { cancelWaiting, withdrawn } from "../webhooks/delete-endpoint.ts";
import { webhook_attempts, webhook_deliveries, webhook_endpoint_hours, webhook_endpoints } from "../webhooks/tables.ts";
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
 * an attempt logged: a worker that lost its lease leaves no trace.
 */
export async function settleDeliveries(services: Services, results: Result[]): Promise<void> {
  if (results.length === 0) return;
  const lost = new Set((await settling(services.db, made.values(results))).map(leaseOf));
  const settled = lost.size === 0 ? results : results.filter(({ delivery }) => !lost.has(leaseOf(delivery)));
  const ended = new Map<Id<"ws">, number>();
  for (const { delivery, verdict } of settled) {
    if (verdict.status === "scheduled" || delivery.trigger === "test") continue;
    ended.set(delivery.workspace_id, (ended.get(delivery.workspace_id) ?? 0) + 1);
  }
  for (const [workspace_id, count] of ended) services.tally.note("webhook_deliveries", { workspace_id }, count);
  for (const { delivery, verdict } of settled) {
    if (verdict.gone) await disableGone(services, delivery.workspace_id, delivery.endpoint.id);
  }
}

const leaseOf = ({ uuid, lease_id }: Pick<Claim, "uuid" | "lease_id">): string => `${uuid} ${lease_id}`;

/** How far apart the waiting retries of an endpoint that works again are spread. */
const recovery_spread_seconds = 30;

const made = columnwise<Result>({
  workspace_id: ["uuid", ({ delivery }) => uuidOf(delivery.workspace_id)],
  uuid: ["uuid", ({ delivery }) => delivery.uuid],
  lease_id: ["uuid", ({ delivery }) => delivery.lease_id],
  attempt_id: ["uuid", ({ attempt_id }) => uuidOf(attempt_id)],
  status: ["text", ({ verdict }) => verdict.status],
  due_at: ["timestamptz", ({ verdict, ended_at }) => (verdict.due_at === ended_at ? null : verdict.due_at)],
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

/*
 * A plan that was made when little was under way stays. So what is settled is found by its key alone, where the index of
 * what is leased could be walked for each result, and what waits for an endpoint is looked for when the endpoint has turned.
 */
const settling = statement<Pick<Claim, "uuid" | "lease_id">>(
  () => sql`
    /* across tenants: settle */
    with result as materialized (
      select * from ${made.rows} as made
    ), settled as (
      update ${webhook_deliveries} as d
      set status = case when r.status = 'scheduled' and not (${isEnabled}) then 'canceled' else r.status end,
        attempts = d.attempts + 1, due_at = coalesce(r.due_at, r.ended_at), trigger = 'automatic',
        completed_at = case when r.status <> 'scheduled' then coalesce(r.completed_at, d.completed_at) when not (${isEnabled}) then r.ended_at end,
        resting_status = null, lease_id = null, lease_until = null, last_status_code = r.status_code, last_error = r.error,
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
      from settled order by workspace_id, endpoint_id, ended_at desc
    ), turned as (
      select e.workspace_id, e.id, w.works, w.ended_at
      from ${webhook_endpoints} as e join last_word as w on e.workspace_id = w.workspace_id and e.id = w.endpoint_id
      where (e.failing_since is null) <> w.works
      order by e.workspace_id, e.id for no key update of e
    ), changed as (
      update ${webhook_endpoints} as e set failing_since = case when t.works then null else t.ended_at end
      from turned as t where e.workspace_id = t.workspace_id and e.id = t.id
    ), waiting as (
      select w.place, t.ended_at from turned as t cross join lateral (
        select d.ctid as place from ${webhook_deliveries} as d
        where t.works and d.workspace_id = t.workspace_id and d.endpoint_id = t.id and d.status = 'scheduled'
        order by d.due_at for no key update skip locked) as w
    ), hurried as (
      update ${webhook_deliveries} as d
      set due_at = least(d.due_at, w.ended_at + random() * ${recovery_spread_seconds}::int * interval '1 second')
      from waiting as w where d.ctid = w.place
    )
    select uuid, lease_id from result except select uuid, lease_id from settled`,
);

/** Asked for what is to be tried again alone. */
const isEnabled = sql`select e.enabled from ${webhook_endpoints} as e where e.workspace_id = d.workspace_id and e.id = d.endpoint_id`;

/** 410 Gone: the endpoint is disabled at once, and what waits for it is canceled. Nothing else disables one. */
async function disableGone(services: Services, workspace_id: Id<"ws">, endpoint_id: Id<"whe">): Promise<void> {
  await atomically(systemCtx(services, workspace_id), async (tx) => {
    const [disabled] = await tx.db
      .update(webhook_endpoints)
      .set({ enabled: false, disabled_reason: "gone", updated_at: tx.now() })
      .where(and(mine(tx, webhook_endpoints), eq(webhook_endpoints.id, endpoint_id), eq(webhook_endpoints.enabled, true)))
      .returning({ id: webhook_endpoints.id });
    if (!disabled) return;
    await cancelWaiting(tx, endpoint_id);
    await record(tx, "webhook_endpoint.disabled", endpoint_id, { reason: "gone" });
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
