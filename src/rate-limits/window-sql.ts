import { sql, type SQL } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { rate_limit_windows } from "./tables.ts";

/** What the statements that admit have in common. Each has `asked` (with `cost`) and `wanted(scope, subject, allowed)`. */

/** The windows, as the table numbers them. */
export const windowNumbers = { ip: 0, key: 1, tenant: 2, member: 3, visitor: 4, sign_in: 5 } as const;
export type WindowName = keyof typeof windowNumbers;

/** This minute, by the database's clock, because windows are shared. */
export const thisMinute = sql.raw(`date_bin('1 minute', clock_timestamp(), 'epoch'::timestamptz) as window_start`);
export const resetSeconds = sql.raw(
  `greatest(1, ceil(extract(epoch from window_start + interval '1 minute' - clock_timestamp())))::int as reset_seconds`,
);

/** What the wanted windows hold: if any of them is full nothing is written. */
export const lookingBefore = sql.raw(`before as materialized (
      select wanted.scope, coalesce(held.hits, 0) as hits, coalesce(held.hits, 0) + asked.cost > wanted.allowed as is_full
      from asked cross join wanted left join rate_limit_windows as held
        on held.scope = wanted.scope and held.subject = wanted.subject and held.window_start = asked.window_start
    )`);
export const lookedBefore = sql.raw(
  `(select min(scope) from before where is_full) as full_scope, array(select hits from before order by scope) as held`,
);

/** Takes one window, and decides exactly: no row where it has filled up since the look. `rest` says for whom, and after which. */
export const taking = (window: WindowName, subject: string, allowed: string, rest: string): SQL =>
  sql.raw(`${window} as (
      insert into rate_limit_windows as held (scope, subject, window_start, hits)
      select ${windowNumbers[window]}, ${subject}, window_start, cost from asked${rest}
      on conflict (scope, subject, window_start) do update set hits = held.hits + excluded.hits
      where held.hits + excluded.hits <= (select ${allowed}) returning hits
    )`);

/** A denied request is counted nowhere, also when a window filled up between the look and the taking. */
export async function giveBack(
  { db }: Services,
  window: WindowName,
  subject: string | null,
  cost: number,
  window_start: string,
): Promise<void> {
  await db.execute(sql`update ${rate_limit_windows} set hits = hits - ${cost}::int where scope = ${windowNumbers[window]}
    and subject = ${subject} and window_start = ${window_start}::timestamptz`);
}
