import { and, eq, ne, sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { query } from "../db/query.ts";
import type { SessionRef } from "./contract.ts";
import type { SessionRow } from "./find-session.ts";
import { sessions } from "./tables.ts";

/** Ends one of the person's sessions: its very next request is refused, on every instance. */
export async function revokeSession({ db }: Services, current: SessionRow, { session_id }: SessionRef): Promise<void> {
  const [ended] = await db
    .delete(sessions)
    .where(and(eq(sessions.userId, current.user.id), eq(sessions.id, session_id)))
    .returning({ id: sessions.id });
  if (!ended) throw new ApiError("not_found");
}

/** Ends all of them but the one that asks. */
export async function revokeOtherSessions({ db }: Services, current: SessionRow): Promise<void> {
  await db.delete(sessions).where(and(eq(sessions.userId, current.user.id), ne(sessions.id, current.id)));
}

const per_statement = 1000;

/** Sessions that are over are of no more use. */
export async function sweepSessions({ db, now }: Services): Promise<number> {
  let swept = 0;
  for (let gone = per_statement; gone === per_statement; swept += gone) {
    const rows = await query(
      db,
      sql`/* across tenants: sweep */ delete from ${sessions} where id in (
        select id from ${sessions} where expires_at < ${now()}::timestamptz limit ${per_statement}::int) returning 1`,
    );
    gone = rows.length;
  }
  return swept;
}
