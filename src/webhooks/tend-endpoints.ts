import { sql } from "drizzle-orm";
import type { Db, Services } from "../core/context.ts";
import { idOf, uuidOf } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { statement } from "../db/statement.ts";
import { webhook_deliveries, webhook_endpoints } from "./tables.ts";
import { at_most, withdrawWaiting, type Term } from "./withdraw.ts";

/** An endpoint that has turned. */
interface Turned extends Term {
  recovered_at: Timestamp | null;
  tend_at: string;
}

/**
 * Goes on with what an endpoint's turn has begun: what waits of an earlier term is canceled, and after an outage what waits is
 * brought forward. A thousand at a time, of a few endpoints in turn; true where there is more.
 */
export async function tendEndpoints({ db, now }: Services): Promise<boolean> {
  let is_more = false;
  for (const row of await looking(db, { now: now() })) {
    const endpoint = { ...row, workspace_id: idOf("ws", row.workspace_id), id: idOf("whe", row.id) };
    const left_some = [await withdrawWaiting(db, endpoint, now()), await hurryWaiting(db, endpoint, now())].includes(true);
    await noting(db, { ...row, seen: row.tend_at, tend_at: left_some ? now() : null });
    is_more ||= left_some;
  }
  return is_more;
}

const looking = statement<Omit<Turned, "workspace_id" | "id"> & { workspace_id: string; id: string }>(
  () => sql`
    /* across tenants: tend */
    select workspace_id, id, enabled, term, recovered_at, tend_at from ${webhook_endpoints}
    where tend_at <= ${sql.placeholder("now")}::timestamptz order by tend_at limit 4`,
);

/** How far apart the waiting retries of an endpoint that works again are spread. */
const spread_seconds = 30;

/** Each of them once for each step of its schedule, and none to before the moment that the receiver asked for. */
async function hurryWaiting(db: Db, { workspace_id, id, term, recovered_at }: Turned, now: Timestamp): Promise<boolean> {
  if (recovered_at === null) return false;
  const values = { workspace_id: uuidOf(workspace_id), endpoint_id: uuidOf(id), term, now };
  return (await hurrying(db, values)).length >= at_most;
}

const hurrying = statement<object>(
  () => sql`
    /* hurry */
    with waiting as materialized (
      select d.id from ${webhook_deliveries} as d
      where d.workspace_id = ${sql.placeholder("workspace_id")}::uuid and d.endpoint_id = ${sql.placeholder("endpoint_id")}::uuid
        and d.term = ${sql.placeholder("term")}::int and d.status = 'scheduled' and d.hurried_from is null
        and d.due_at > ${sql.placeholder("now")}::timestamptz + ${sql.raw(String(spread_seconds))} * interval '1 second'
      order by d.due_at limit ${sql.raw(String(at_most))} for no key update skip locked
    )
    update ${webhook_deliveries} as d
    set hurried_from = d.due_at, due_at = least(d.due_at, greatest(d.not_before,
      ${sql.placeholder("now")}::timestamptz + random() * ${sql.raw(String(spread_seconds))} * interval '1 second'))
    where d.workspace_id = ${sql.placeholder("workspace_id")}::uuid and d.id = any(array(select id from waiting))
    returning 1`,
);

/** It has its next turn behind the others, or needs none. One that has turned again meanwhile stays as it is. */
const noting = statement<object>(
  () => sql`
    update ${webhook_endpoints}
    set tend_at = ${sql.placeholder("tend_at")}::timestamptz,
      recovered_at = case when ${sql.placeholder("tend_at")}::timestamptz is not null then recovered_at end
    where workspace_id = ${sql.placeholder("workspace_id")}::uuid and id = ${sql.placeholder("id")}::uuid
      and tend_at = ${sql.placeholder("seen")}::timestamptz`,
);
