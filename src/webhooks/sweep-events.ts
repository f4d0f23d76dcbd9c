import { sql, type SQL } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { after, hours } from "../core/time.ts";
import { query } from "../db/query.ts";
import { workspaces } from "../workspaces/tables.ts";
import { events, webhook_attempts, webhook_deliveries, webhook_endpoint_hours } from "./tables.ts";

const per_statement = 500;
/** The rates look back seven days. */
const rates_kept_ms = hours(8 * 24);

/**
 * What is older than its workspace keeps it goes: deliveries that have ended, with their attempts; then the events
 * that no delivery needs any more. In small batches that wait for nobody, so no claim ever waits for them.
 */
export async function sweepEvents(services: Services): Promise<{ deliveries: number; events: number; rates: number }> {
  return {
    deliveries: await sweep(services, endedDeliveries(services)),
    events: await sweep(services, needlessEvents(services)),
    rates: await sweep(services, oldRates(services)),
  };
}

async function sweep({ db }: Services, batch: SQL): Promise<number> {
  let swept = 0;
  for (let gone = per_statement; gone === per_statement; swept += gone) gone = (await query(db, batch)).length;
  return swept;
}

const endedDeliveries = (services: Services): SQL => sql`/* across tenants: sweep */
  with old as (
    select delivery.* from ${workspaces} as workspace cross join lateral (
      select d.workspace_id, d.id from ${webhook_deliveries} as d
      where d.workspace_id = workspace.id and d.id < ${firstKept(services)} and d.status not in ('ready', 'scheduled', 'delivering')
      order by d.id limit ${per_statement}::int for update skip locked) as delivery
    limit ${per_statement}::int
  ), gone as (
    delete from ${webhook_deliveries} as d using old where d.workspace_id = old.workspace_id and d.id = old.id returning d.workspace_id, d.id
  ), attempts as (
    delete from ${webhook_attempts} as a using gone where a.workspace_id = gone.workspace_id and a.delivery_id = gone.id
  )
  select 1 from gone`;

const needlessEvents = (services: Services): SQL => sql`/* across tenants: sweep */
  with old as (
    select event.* from ${workspaces} as workspace cross join lateral (
      select e.workspace_id, e.id from ${events} as e
      where e.workspace_id = workspace.id and e.id < ${firstKept(services)} and not exists (
        select 1 from ${webhook_deliveries} as d where d.workspace_id = e.workspace_id and d.event_id = e.id)
      order by e.id limit ${per_statement}::int for update skip locked) as event
    limit ${per_statement}::int
  )
  delete from ${events} as e using old where e.workspace_id = old.workspace_id and e.id = old.id returning 1`;

const oldRates = ({ now }: Services): SQL => sql`/* across tenants: sweep */
  delete from ${webhook_endpoint_hours} where (workspace_id, endpoint_id, hour) in (
    select workspace_id, endpoint_id, hour from ${webhook_endpoint_hours} where hour < ${after(now(), -rates_kept_ms)}::timestamptz
    limit ${per_statement}::int) returning 1`;

/** Ids are made in order of time (UUIDv7), so the primary key finds what is old. */
const firstKept = ({ now }: Services): SQL => sql`(lpad(to_hex((extract(epoch from
  ${now()}::timestamptz - make_interval(days => workspace.event_retention_days)) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid`;
