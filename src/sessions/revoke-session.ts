import { and, eq, ne, sql, type SQL } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { atomically } from "../db/atomically.ts";
import { query } from "../db/query.ts";
import type { SessionRef } from "./contract.ts";
import { seekSession, type SessionRow } from "./find-session.ts";
import { sessions } from "./tables.ts";
import { tellTeams, type Whence } from "./tell-teams.ts";

/** Signs out whoever comes with a token. Nobody need be signed in. */
export async function endSession(services: Services, whence: Whence, token: string | undefined): Promise<void> {
  const session = await seekSession(services, token);
  if (session) await end(services, whence, session.user, eq(sessions.id, session.id), { session_id: session.id });
}

/** Ends one of the person's sessions: its very next request is refused, on every instance. */
export async function revokeSession(services: Services, whence: Whence, { user }: SessionRow, { session_id }: SessionRef): Promise<void> {
  const ended = await end(services, whence, user, eq(sessions.id, session_id), { session_id });
  if (ended === 0) throw new ApiError("not_found");
}

/** Ends all of them but the one that asks. */
export async function revokeOtherSessions(services: Services, whence: Whence, { id, user }: SessionRow): Promise<void> {
  await end(services, whence, user, ne(sessions.id, id), {});
}

async function end(services: Services, whence: Whence, user: SessionRow["user"], which: SQL, details: object): Promise<number> {
  return atomically(services, async (tx) => {
    const theirs = and(eq(sessions.userId, user.id), which);
    const { length: ended } = await tx.db.delete(sessions).where(theirs).returning({ id: sessions.id });
    if (ended > 0) await tellTeams(tx, whence, user, "team_member.signed_out", { ended, ...details });
    return ended;
  });
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
