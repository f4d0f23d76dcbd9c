import { sql, type Placeholder } from "drizzle-orm";
import type { Db, Tx } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import { after, seconds, type Timestamp } from "../core/time.ts";
import { statement } from "../db/statement.ts";
import { webhook_deliveries, webhook_endpoints } from "./tables.ts";

/** What is being written in the very moment of an end is of the old term too. */
const look_again_ms = seconds(5);

/** An endpoint that goes out of service: what was written for it is of an earlier term from now on. */
export const outOfService = (now: Timestamp) => ({
  enabled: false,
  term: sql<number>`${webhook_endpoints.term} + 1`,
  recovered_at: null,
  tend_at: after(now, look_again_ms),
});

/** What waited is canceled. Where only a replay waited, the delivery stays as it had ended. */
export const withdrawn = (now: Timestamp | Placeholder) => ({
  status: sql`coalesce(resting_status, 'canceled')`,
  completed_at: sql`coalesce(completed_at, ${now}::timestamptz)`,
  trigger: sql`'automatic'`,
  resting_status: sql`null`,
  updated_at: sql`${now}::timestamptz`,
});

/** No statement changes more of the deliveries that wait for one endpoint. */
export const at_most = 1000;

export interface Term {
  workspace_id: Id<"ws">;
  id: Id<"whe">;
  enabled: boolean;
  term: number;
}

/**
 * Cancels some of what waits of an endpoint's earlier terms; true where there may be more. An attempt that is running ends as
 * it ends; what has not begun never does. What somebody holds is passed over: a claim does not give it out either.
 */
export async function withdrawWaiting(db: Db | Tx, { workspace_id, id, term, enabled }: Term, now: Timestamp): Promise<boolean> {
  // Of what is ready for an endpoint that is in service again there is no index by term: claims cancel it.
  const values = { workspace_id: uuidOf(workspace_id), endpoint_id: uuidOf(id), term, now, ready_at_most: enabled ? 0 : at_most };
  return (await withdrawing(db, values)).length >= at_most;
}

const withdrawing = statement<object>(
  () => sql`
    /* withdraw */
    with waiting as materialized (
      select d.id from ${webhook_deliveries} as d where ${isEarlier} and d.status = 'scheduled'
      limit ${sql.raw(String(at_most))} for update skip locked
    ), ready as materialized (
      select d.id from ${webhook_deliveries} as d where ${isEarlier} and d.status = 'ready'
      order by least(d.attempts, 1), d.due_at, d.id
      limit greatest(0, ${sql.placeholder("ready_at_most")}::int - (select count(*) from waiting)) for update skip locked
    )
    update ${webhook_deliveries} as d
    set ${sql.join(columns, sql`, `)}
    where d.workspace_id = ${sql.placeholder("workspace_id")}::uuid
      and d.id = any(array(select id from waiting union all select id from ready))
    returning 1`,
);

const columns = Object.entries(withdrawn(sql.placeholder("now"))).map(([name, value]) => sql`${sql.identifier(name)} = ${value}`);

const isEarlier = sql`d.workspace_id = ${sql.placeholder("workspace_id")}::uuid
  and d.endpoint_id = ${sql.placeholder("endpoint_id")}::uuid and d.term < ${sql.placeholder("term")}::int`;
