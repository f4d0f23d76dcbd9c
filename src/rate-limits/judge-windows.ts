import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { resetAt } from "./full-window.ts";
import { rate_limit_windows } from "./tables.ts";
import { windowNumbers, type WindowName, type WindowRow } from "./window-sql.ts";

export interface Window {
  scope: "ip" | "key" | "tenant" | "member";
  limit: number;
  remaining: number;
}

interface Judged {
  windows: Window[];
  /** The first that has no room: the request is denied. */
  full: Window | undefined;
  reset_seconds: number;
  reset_at: Timestamp;
}

const names = Object.fromEntries(Object.entries(windowNumbers).map(([name, number]) => [number, name as WindowName]));

/** Whether all windows had room. A denied request is counted nowhere, also when a window filled up between the look and the taking. */
export async function judgeWindows(services: Services, rows: readonly WindowRow[], cost: number): Promise<Judged> {
  const full_row = rows.find(({ is_full }) => is_full) ?? rows.find(({ taken }) => taken === null);
  if (full_row) for (const row of rows) if (row.taken !== null) await giveBack(services, row, cost);
  const windows = rows.map(({ scope, allowed, held, taken }) => ({
    scope: names[scope] as Window["scope"],
    limit: allowed,
    remaining: Math.max(0, allowed - (full_row ? held : taken!)),
  }));
  const { window_start, reset_seconds } = rows[0]!;
  return { windows, full: full_row && windows[rows.indexOf(full_row)], reset_seconds, reset_at: resetAt(window_start) };
}

async function giveBack({ db }: Services, { scope, subject, window_start }: WindowRow, cost: number): Promise<void> {
  await db.execute(sql`update ${rate_limit_windows} set hits = hits - ${cost}::int where scope = ${scope}
    and subject = ${subject} and window_start = ${window_start}::timestamptz`);
}
