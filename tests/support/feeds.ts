import { sql } from "drizzle-orm";
import { vi } from "vitest";
import type { Db } from "../../src/core/context.ts";
import { query } from "../../src/db/query.ts";

/** Waits until a feed shows what is committed by now: other tests write on the same server, and it ends before the oldest of them. */
export async function caughtUp(db: Db): Promise<void> {
  const [now] = await query<{ xid: string }>(db, sql`select pg_current_xact_id()::text as xid`);
  await vi.waitFor(
    async () => {
      const [row] = await query<{ passed: boolean }>(db, sql`select pg_snapshot_xmin(pg_current_snapshot()) > ${now!.xid}::xid8 as passed`);
      if (!row!.passed) throw new Error("an older transaction is still running");
    },
    { timeout: 15_000, interval: 20 },
  );
}
