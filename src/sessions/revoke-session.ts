import { and, eq, lt, ne } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
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

/** Sessions that are over are of no more use. */
export async function sweepSessions({ db, now }: Services): Promise<number> {
  const swept = await db
    .delete(sessions)
    .where(lt(sessions.expiresAt, new Date(now())))
    .returning({ id: sessions.id });
  return swept.length;
}
