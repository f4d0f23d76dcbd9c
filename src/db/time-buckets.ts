import { sql, type SQL } from "drizzle-orm";
import type { Db } from "../core/context.ts";
import { invalid } from "../core/errors.ts";
import type { Timestamp } from "../core/time.ts";
import { rfc3339 } from "./columns.ts";
import { query } from "./query.ts";

export const intervals = ["hour", "day", "week", "month"] as const;
export type Interval = (typeof intervals)[number];

interface Span {
  from: Timestamp;
  to: Timestamp;
  interval: Interval;
  timezone: string;
}

/**
 * Where a span's buckets begin, and where the last one ends: its own bounds, and between them each beginning of a
 * local day, week or month. A day whose clock is changed has 23 or 25 hours; hours are of sixty minutes.
 */
export async function bucketBounds(db: Db, { from, to, interval, timezone }: Span): Promise<Timestamp[]> {
  const starts =
    interval === "hour"
      ? sql`select generate_series(date_trunc('hour', ${from}::timestamptz, ${timezone}), ${to}::timestamptz, '1 hour') as at`
      : sql`select ${firstInstantOf(sql`day`, timezone)} as at from generate_series(
          date_trunc(${interval}, ${from}::timestamptz at time zone ${timezone}), ${to}::timestamptz at time zone ${timezone},
          ${`1 ${interval}`}::interval) as day`;
  const rows = await inZone(
    query<{ at: string }>(
      db,
      sql`select at::text from (${starts} union select ${from}::timestamptz union select ${to}::timestamptz) as bound
        where at between ${from}::timestamptz and ${to}::timestamptz order by bound.at`,
    ),
  );
  return rows.map(({ at }) => rfc3339(at));
}

/** Where midnight comes twice, PostgreSQL takes the second one, and where there is none the end of the gap, which is right. */
const firstInstantOf = (local: SQL, timezone: string): SQL => sql`case
  when (${local} at time zone ${timezone} - interval '1 hour') at time zone ${timezone} >= ${local}
  then ${local} at time zone ${timezone} - interval '1 hour' else ${local} at time zone ${timezone} end`;

/** The local month, or the whole local days up to today's end, around a moment. */
export async function localMonth(db: Db, now: Timestamp, timezone: string): Promise<{ from: Timestamp; to: Timestamp }> {
  const month = sql`date_trunc('month', ${now}::timestamptz at time zone ${timezone})`;
  return localSpan(db, firstInstantOf(month, timezone), firstInstantOf(sql`(${month} + interval '1 month')`, timezone));
}

export async function localDays(db: Db, now: Timestamp, timezone: string, count: number): Promise<{ from: Timestamp; to: Timestamp }> {
  const tomorrow = sql`(date_trunc('day', ${now}::timestamptz at time zone ${timezone}) + interval '1 day')`;
  const first = sql`(${tomorrow} - ${`${count} days`}::interval)`;
  return localSpan(db, firstInstantOf(first, timezone), firstInstantOf(tomorrow, timezone));
}

async function localSpan(db: Db, from: SQL, to: SQL): Promise<{ from: Timestamp; to: Timestamp }> {
  const [row] = await inZone(query<{ from: string; to: string }>(db, sql`select (${from})::text as from, (${to})::text as to`));
  return { from: rfc3339(row!.from), to: rfc3339(row!.to) };
}

/** A name that this process knows and the database does not: theirs are not of the same year. */
async function inZone<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if ((cause as Error & { code?: string }).code !== "22023") continue;
      const detail = "timezone: the database does not know this time zone.";
      throw invalid({ pointer: "/timezone", code: "invalid_timezone", detail });
    }
    throw error;
  }
}
