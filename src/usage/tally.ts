import { sql } from "drizzle-orm";
import type { Db, Log, Tally } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import type { FreeMetric } from "../core/pricing.ts";
import { minutes, msBetween, type Clock, type Timestamp } from "../core/time.ts";
import { usage_quarter_hours } from "./tables.ts";

const written_every_ms = minutes(1);

interface Keeper {
  db: Db;
  now: Clock;
  log: Log;
}

/** Counts in memory, and writes it down once a minute; what a process that dies had counted since is lost, and costs nobody. */
export function createTally({ db, now, log }: Keeper): Tally {
  let counted = new Map<string, { metric: FreeMetric; workspace_id: Id<"ws">; api_key_id?: Id<"key">; at: Timestamp; amount: number }>();
  let written_at = now();

  async function write(): Promise<void> {
    if (counted.size === 0) return;
    written_at = now();
    const rows = Array.from(counted.values(), ({ workspace_id, api_key_id, ...count }) => ({
      ...count,
      workspace_id: uuidOf(workspace_id),
      api_key_id: api_key_id === undefined ? null : uuidOf(api_key_id),
    }));
    counted = new Map();
    await db.execute(sql`
      /* across tenants: tally */
      insert into ${usage_quarter_hours} as q (workspace_id, starts_at, metric, api_key_id, quantity, credits)
      select workspace_id, date_bin('15 minutes', at, 'epoch'), metric, coalesce(api_key_id, '00000000-0000-0000-0000-000000000000'), sum(amount), 0
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as r(workspace_id uuid, metric text, api_key_id uuid, at timestamptz, amount int)
      group by 1, 2, 3, 4
      -- Whoever writes the same quarters meanwhile takes them in the same order.
      order by 1, 2, 3, 4
      on conflict (workspace_id, starts_at, metric, channel_id, api_key_id) do update set quantity = q.quantity + excluded.quantity`);
  }

  return {
    write,
    note(metric, { workspace_id, api_key_id }, amount = 1) {
      const at = now();
      // Rows are by the quarter of an hour, and minutes make quarters.
      const name = `${metric} ${workspace_id} ${api_key_id} ${at.slice(0, 16)}`;
      const count = counted.get(name);
      if (count) count.amount += amount;
      else counted.set(name, { metric, workspace_id, ...(api_key_id && { api_key_id }), at, amount });
      if (msBetween(written_at, at) < written_every_ms) return;
      write().catch((error: unknown) => log.warn({ err: error }, "requests and deliveries that were counted were not written"));
    },
  };
}
