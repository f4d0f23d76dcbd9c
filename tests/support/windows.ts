import { and, eq, inArray, sql } from "drizzle-orm";
import type { Db } from "../../src/core/context.ts";
import { uuidOf } from "../../src/core/ids.ts";
import { query } from "../../src/db/query.ts";
import { rate_limit_windows } from "../../src/rate-limits/tables.ts";

/** Waits for the next minute of the database's clock if this one has no room left for what the test will do. */
export async function roomInMinute(db: Db, seconds = 5): Promise<void> {
  const [row] = await query<{ left: number }>(db, sql`select (60 - extract(second from clock_timestamp()))::float8 as left`);
  if (row!.left < seconds) await new Promise((resolve) => setTimeout(resolve, row!.left * 1000 + 50));
}

let addresses = 0;
/** An address that no other test asks from (RFC 5737, RFC 2544). */
export function freshAddress(): string {
  addresses += 1;
  return `198.${18 + (process.pid % 2)}.${(addresses >> 8) & 255}.${addresses & 255}`;
}

export interface Subjects {
  ip?: string;
  key?: string;
  tenant?: string;
}

/** What the table holds of this minute's windows, by the names of their scopes; a window that is not there is 0. */
export async function hitsOf(db: Db, { ip, key, tenant }: Subjects): Promise<Record<string, number>> {
  const wanted: [name: string, scope: number, subject: string][] = [];
  if (ip !== undefined) wanted.push(["ip", 0, ip]);
  if (key !== undefined) wanted.push(["key", 1, uuidOf(key)]);
  if (tenant !== undefined) wanted.push(["tenant", 2, uuidOf(tenant)]);
  const rows = await db
    .select()
    .from(rate_limit_windows)
    .where(
      inArray(
        rate_limit_windows.subject,
        wanted.map(([, , subject]) => subject),
      ),
    );
  const found = (scope: number, subject: string) => rows.filter((row) => row.scope === scope && row.subject === subject);
  return Object.fromEntries(wanted.map(([name, scope, subject]) => [name, found(scope, subject).reduce((sum, { hits }) => sum + hits, 0)]));
}

/** Pushes a subject's windows into the past, as if a minute had gone by. */
export async function letMinutePass(db: Db, subject: string): Promise<void> {
  await db
    .update(rate_limit_windows)
    .set({ window_start: sql`${rate_limit_windows.window_start} - interval '1 minute'` as never })
    .where(and(eq(rate_limit_windows.subject, subject)));
}
