import { and, eq, sql } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { systemCtx, type Services } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import type { PostOutcome } from "../core/poster.ts";
import type { Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { mine } from "../db/mine.ts";
import { statement } from "../db/statement.ts";
import type { ClaimedDelivery } from "./claim-deliveries.ts";
import { cancelWaiting, withdrawn } from "../webhooks/delete-endpoint.ts";
import type { Verdict } from "./judge.ts";
import { webhook_attempts, webhook_deliveries, webhook_endpoint_hours, webhook_endpoints } from "../webhooks/tables.ts";

/** One attempt that was made, and what follows from it. */
export interface Result {
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
  const settled = await write(services, results);
  for (const { delivery, verdict } of results) {
    const has_ended = settled.has(delivery.lease_id) && verdict.status !== "scheduled" && delivery.trigger !== "test";
    if (has_ended) services.tally.note("webhook_deliveries", delivery);
  }
  const gone = results.filter(({ delivery, verdict }) => verdict.gone && settled.has(delivery.lease_id));
  for (const { delivery } of gone) await disableGone(services, delivery.workspace_id, delivery.endpoint_id);
}

/** How far apart the waiting retries of an endpoint that works again are spread. */
const recovery_spread_seconds = 30;

/** Returns the leases that still held. */
async function write({ db, newId }: Services, results: Result[]): Promise<Set<string>> {
  const rows = results.map(({ delivery, outcome, verdict, started_at, ended_at }) => ({
    workspace_id: uuidOf(delivery.workspace_id),
    id: delivery.uuid,
    endpoint_id: delivery.lane,
    lease_id: delivery.lease_id,
    attempt_id: uuidOf(newId("att")),
    status: verdict.status,
    due_at: verdict.due_at,
    completed_at: verdict.completed_at,
    attempt_trigger: delivery.trigger,
    url: delivery.url,
    started_at,
    ended_at,
    status_code: outcome.status_code,
    error: outcome.error,
    duration_ms: outcome.duration_ms,
    response_headers: outcome.response_headers,
    response_body: outcome.response_body,
    remote_address: outcome.remote_address,
  }));
  const settled = await settling(db, { rows: JSON.stringify(rows) });
  return new Set(settled.map(({ lease_id }) => lease_id));
}

const settling = statement<{ lease_id: string }>(
  () => sql`
    /* across tenants: settle */
    with result as (
      select * from json_to_recordset(${sql.placeholder("rows")}::text::json) as r(
        workspace_id uuid, id uuid, endpoint_id uuid, lease_id uuid, attempt_id uuid, status text, due_at timestamptz,
        completed_at timestamptz, attempt_trigger text, url text, started_at timestamptz, ended_at timestamptz, status_code int,
        error text, duration_ms int, response_headers jsonb, response_body text, remote_address text)
    ), settled as (
      update ${webhook_deliveries} as d
      set status = case when r.status = 'scheduled' and not e.enabled then 'canceled' else r.status end,
        attempts = d.attempts + 1, due_at = r.due_at, trigger = 'automatic',
        completed_at = case when r.status <> 'scheduled' then coalesce(r.completed_at, d.completed_at) when not e.enabled then r.ended_at end,
        resting_status = null, lease_id = null, lease_until = null, last_status_code = r.status_code, last_error = r.error,
        last_attempt_at = r.started_at, updated_at = r.ended_at
      from result as r join ${webhook_endpoints} as e on e.workspace_id = r.workspace_id and e.id = r.endpoint_id
      where d.workspace_id = r.workspace_id and d.id = r.id and d.lease_id = r.lease_id and d.status = 'delivering'
      returning r.*, d.attempts as number
    ), logged as (
      insert into ${webhook_attempts} (workspace_id, id, delivery_id, number, trigger, url, status_code, error, duration_ms,
        response_headers, response_body, remote_address, created_at)
      select workspace_id, attempt_id, id, number, attempt_trigger, url, status_code, error, duration_ms,
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
    ), hurried as (
      update ${webhook_deliveries} as d
      set due_at = least(d.due_at, t.ended_at + random() * ${recovery_spread_seconds}::int * interval '1 second')
      from turned as t
      where t.works and d.workspace_id = t.workspace_id and d.endpoint_id = t.id and d.status = 'scheduled'
    )
    select lease_id from settled`,
);

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
