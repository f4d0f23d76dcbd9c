import { sql } from "drizzle-orm";

/** The windows, as the table numbers them. */
export const windowNumbers = { ip: 0, key: 1, tenant: 2, member: 3, visitor: 4, sign_in: 5 } as const;
export type WindowName = keyof typeof windowNumbers;

/** This minute, by the database's clock, because windows are shared. */
export const thisMinute = sql.raw(`date_bin('1 minute', clock_timestamp(), 'epoch'::timestamptz) as window_start`);
export const resetSeconds = sql.raw(
  `greatest(1, ceil(extract(epoch from window_start + interval '1 minute' - clock_timestamp())))::int as reset_seconds`,
);

/**
 * What the statements that admit have in common, behind `asked(cost, window_start)` and `wanted(scope, subject, allowed)`.
 * It looks first: if any window is full nothing is written. The upsert then decides exactly, always in the same order,
 * and takes nothing of a window that filled up meanwhile. What costs nothing only looks, and finds none full: a limit may
 * have been lowered below what was taken.
 */
export const takingWindows = sql.raw(`before as materialized (
      select wanted.*, coalesce(held.hits, 0) as held, coalesce(held.hits, 0) + asked.cost > wanted.allowed and asked.cost > 0 as is_full
      from asked cross join wanted left join rate_limit_windows as held
        on held.scope = wanted.scope and held.subject = wanted.subject and held.window_start = asked.window_start
    ), taken as (
      insert into rate_limit_windows as held (scope, subject, window_start, hits)
      select scope, subject, window_start, cost from asked, before
      where cost > 0 and not exists (select 1 from before where is_full) order by scope
      on conflict (scope, subject, window_start) do update set hits = held.hits + excluded.hits
      where held.hits + excluded.hits <= (select allowed from before where before.scope = excluded.scope)
      returning scope, hits
    ), windows as (
      select before.*, case when asked.cost > 0 then taken.hits else before.held end as taken
      from asked cross join before left join taken on taken.scope = before.scope
    )`);

/** A window as such a statement found it: what it held before, and what it holds since it was taken; null if it was not. */
export interface WindowRow {
  scope: number;
  subject: string;
  allowed: number;
  held: number;
  is_full: boolean;
  taken: number | null;
  window_start: string;
  reset_seconds: number;
}

/** The columns of it. */
export const windowColumns = sql`windows.scope, windows.subject, allowed, held, is_full, taken, window_start, ${resetSeconds}`;
