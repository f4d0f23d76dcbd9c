import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { after, seconds } from "../core/time.ts";
import { rfc3339 } from "../db/columns.ts";
import { query } from "../db/query.ts";
import { resetSeconds, thisMinute, windowNumbers } from "./window-sql.ts";

const whose = { ip: "address", member: "member", visitor: "visitor", sign_in: "sign-in" } as const;

interface Taking {
  scope: keyof typeof whose;
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
  throw new ApiError("too_many_requests", {
    detail: `The window of this ${whose[scope]} is full: ${limit} requests a minute.`,
    members: { limit: { scope, limit, window_seconds: 60, reset_at: after(rfc3339(window_start), seconds(60)) } },
    headers: { "Retry-After": String(reset_seconds) },
  });
}
