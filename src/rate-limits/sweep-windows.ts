import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { query } from "../db/query.ts";
import { rate_limit_windows } from "./tables.ts";

/** Windows that are over are of no more use. */
export async function sweepWindows({ db }: Services): Promise<number> {
  const rows = await query(
    db,
    sql`delete from ${rate_limit_windows} where window_start < clock_timestamp() - interval '5 minutes' returning 1`,
  );
  return rows.length;
}
