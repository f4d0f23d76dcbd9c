import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { query } from "../db/query.ts";
import { rate_limit_windows } from "./tables.ts";

const per_statement = 5000;

/** Windows that are over are of no more use. */
export async function sweepWindows({ db }: Services): Promise<number> {
  let swept = 0;
  for (let gone = per_statement; gone === per_statement; swept += gone) {
    const rows = await query(
      db,
      sql`delete from ${rate_limit_windows} where ctid in (
        select ctid from ${rate_limit_windows} where window_start < clock_timestamp() - interval '5 minutes'
        limit ${per_statement}::int for update skip locked) returning 1`,
    );
    gone = rows.length;
  }
  return swept;
}
