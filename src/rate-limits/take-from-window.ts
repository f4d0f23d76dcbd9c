import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { query } from "../db/query.ts";
import { fullWindow, resetAt } from "./full-window.ts";
import { resetSeconds, thisMinute, windowNumbers, type WindowName } from "./window-sql.ts";

interface Taking {
  scope: WindowName;
  subject: string;
  limit: number;
  /** How many requests it counts as. */
  cost: number;
}

/** Counts a request in one minute's window, by the database's clock; where it has no room the request is refused, and counted nowhere. */
export async function takeFromWindow({ db }: Services, { scope, subject, limit, cost }: Taking): Promise<void> {
  const [row] = await query<{ hits: number | null; window_start: string; reset_seconds: number }>(
    db,
    sql`
    with asked as materialized (
      select ${thisMinute}
    ), taken as (
      insert into rate_limit_windows as held (scope, subject, window_start, hits)
      select ${windowNumbers[scope]}::smallint, ${subject}::text, window_start, ${cost}::int from asked where ${cost}::int <= ${limit}::int
      on conflict (scope, subject, window_start) do update set hits = held.hits + excluded.hits
      where held.hits + excluded.hits <= ${limit}::int returning hits
    )
    select (select hits from taken) as hits, window_start,
      ${resetSeconds}
    from asked`,
  );
  const { hits, window_start, reset_seconds } = row!;
  if (hits !== null) return;
  throw fullWindow({ scope, limit, reset_seconds, reset_at: resetAt(window_start) });
}
