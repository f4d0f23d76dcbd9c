import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { after, hours } from "../core/time.ts";
import { query } from "../db/query.ts";
import { idempotent_answers } from "./tables.ts";

const per_statement = 1000;

/** Answers older than a day are no longer given; they go, a thousand at a time. */
export async function sweepAnswers({ db, now }: Services): Promise<number> {
  const cutoff = after(now(), -hours(24));
  let swept = 0;
  for (let gone = per_statement; gone === per_statement; swept += gone) {
    const rows = await query(
      db,
      sql`/* across tenants: sweep */ delete from ${idempotent_answers} where (workspace_id, digest) in (
        select workspace_id, digest from ${idempotent_answers} where created_at < ${cutoff}::timestamptz limit ${per_statement}::int) returning 1`,
    );
    gone = rows.length;
  }
  return swept;
}
