import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { query } from "../db/query.ts";
import { workspaces } from "../workspaces/tables.ts";
import { provider_events } from "./tables.ts";

/** Meta repeats for up to seven days what was not taken in. Until then an event's key must be known. */
export const told_again_days = 8;

const per_statement = 500;

/** What providers told goes with the events of its time, but not before they tell it no more. In small batches that wait for nobody. */
export async function sweepProviderEvents({ db, now }: Services): Promise<number> {
  const batch = sql`/* across tenants: sweep */
    with old as (
      select event.* from ${workspaces} as workspace cross join lateral (
        select e.workspace_id, e.channel_id, e.dedupe_key from ${provider_events} as e
        where e.workspace_id = workspace.id and e.received_at <
          ${now()}::timestamptz - make_interval(days => greatest(workspace.event_retention_days, ${told_again_days}::int))
        order by e.received_at limit ${per_statement}::int for update skip locked) as event
      limit ${per_statement}::int
    )
    delete from ${provider_events} as e using old
    where e.workspace_id = old.workspace_id and e.channel_id = old.channel_id and e.dedupe_key = old.dedupe_key returning 1`;
  let swept = 0;
  for (let gone = per_statement; gone === per_statement; swept += gone) gone = (await query(db, batch)).length;
  return swept;
}
