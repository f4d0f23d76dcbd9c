import { idOf, type Id } from "../../src/core/ids.ts";
import type { Arrival } from "./receiver.ts";
import type { Stage, Tenant } from "./stage.ts";

/** What a scenario left behind. */
export interface Finding {
  events: number;
  delivered: number;
  /** Ready, scheduled for a retry, or held by a lease that has not ended. */
  waiting: number;
  /** Requests beyond the first of each delivery. */
  duplicates: number;
  /** Every promise that was broken, in words. */
  broken: string[];
}

/** A lease that ended longer ago than this should have been noticed. */
const overdue_seconds = 10;

/** Compares what was committed with what arrived: nothing lost, nothing stuck, nothing altered, nothing invented. */
export async function holdInquest({ sql, surprises }: Stage, tenants: Tenant[]): Promise<Finding> {
  const sum: Finding = { events: 0, delivered: 0, waiting: 0, duplicates: 0, broken: surprises.splice(0) };
  for (const tenant of tenants) {
    const told = await sql<{ text: string }[]>`
      select payload::json #>> '{data,message,content,text}' as text from events where workspace_id = ${tenant.uuid} order by id`;
    sum.events += told.length;
    const heard = told.map(({ text }) => text).filter((text) => text !== null);
    if (heard.toSorted().join() !== tenant.said.toSorted().join()) {
      sum.broken.push(`${tenant.said.length} messages were taken in and ${heard.length} told of`);
    }
    for (const endpoint of tenant.endpoints) {
      // The rows first: what is settled by now has arrived by now.
      const rows = await deliveriesTo(sql, tenant, endpoint.id);
      if (rows.length !== told.length) sum.broken.push(`${told.length} events made ${rows.length} deliveries for one endpoint`);
      const { arrivals, accepted } = endpoint.receiver;
      const byId = new Map<string, Arrival[]>();
      for (const arrival of arrivals) byId.set(arrival.id, [...(byId.get(arrival.id) ?? []), arrival]);
      sum.duplicates += arrivals.length - byId.size;

      for (const row of rows) {
        const came = byId.get(row.id) ?? [];
        byId.delete(row.id);
        if (row.state === "delivered") sum.delivered += 1;
        if (row.state === "waiting") sum.waiting += 1;
        sum.broken.push(...faultsOf(row, came, accepted).map((fault) => `${row.id}: ${fault}`));
      }
      for (const id of byId.keys()) sum.broken.push(`${id} arrived and was never committed`);
    }
  }
  return sum;
}

interface Row {
  id: Id<"dlv">;
  state: "delivered" | "waiting" | "stuck" | "lost";
  status: string;
  attempts: number;
  logged: number;
  payload: string;
}

async function deliveriesTo(sql: Stage["sql"], { uuid }: Tenant, endpoint_id: string): Promise<Row[]> {
  const rows = await sql<(Row & { uuid: string })[]>`
    select d.id as uuid, d.status, d.attempts, e.payload,
      (select count(*)::int from webhook_attempts as a where a.workspace_id = d.workspace_id and a.delivery_id = d.id) as logged,
      case when d.status = 'succeeded' then 'delivered'
        when d.status in ('ready', 'scheduled') then 'waiting'
        when d.status <> 'delivering' then 'lost'
        when d.lease_until < now() - ${overdue_seconds} * interval '1 second' then 'stuck'
        else 'waiting' end as state
    from webhook_deliveries as d join events as e on e.workspace_id = d.workspace_id and e.id = d.event_id
    where d.workspace_id = ${uuid} and d.endpoint_id = ${endpoint_id}`;
  return rows.map(({ uuid: id, ...row }) => ({ ...row, id: idOf("dlv", id) }));
}

function faultsOf({ id, state, status, attempts, logged, payload }: Row, came: Arrival[], accepted: Set<string>): string[] {
  const faults = [];
  if (state === "lost" || state === "stuck") faults.push(`${state}, ${status}`);
  if (state === "delivered" && !accepted.has(id)) faults.push("called delivered, and nobody has taken it");
  if (attempts !== logged) faults.push(`${attempts} attempts and ${logged} in the log`);
  if (came.some(({ body }) => body !== payload)) faults.push("arrived with another body");
  if (came.some(({ is_verified }) => !is_verified)) faults.push("arrived with a signature that does not verify");
  return faults;
}

/** Milliseconds from each event, whose time is taken just before its commit, to its first arrival anywhere among these. */
export function delaysOf(receivers: { arrivals: Arrival[] }[]): number[] {
  const delays: number[] = [];
  for (const { arrivals } of receivers) {
    const seen = new Set<string>();
    for (const { id, body, at_ms } of arrivals) {
      if (seen.has(id)) continue;
      seen.add(id);
      delays.push(at_ms - Date.parse((JSON.parse(body) as { timestamp: string }).timestamp));
    }
  }
  return delays.toSorted((a, b) => a - b);
}

export const percentile = (sorted: number[], share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
