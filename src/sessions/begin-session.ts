import { and, eq } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { after } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { wrongCredentials, type Login } from "./find-login.ts";
import { findSession, type SessionRow } from "./find-session.ts";
import { firstWorkspaceOf } from "./first-workspace.ts";
import { lifetime_ms } from "./lifetime.ts";
import { moveSession } from "./switch-workspace.ts";
import { accounts, sessions } from "./tables.ts";
import { tellTeams, type Whence } from "./tell-teams.ts";

interface Begun {
  /** Of the session that the engine has made. */
  token: string;
  /** As it was before the engine looked at the password. */
  login: Login;
  workspace_id?: SessionRow["workspace_id"];
}

/**
 * A session that the engine has made lives on from here, in the transaction that tells the audit logs; otherwise it is over
 * within a minute, and nobody has its token. The password is held meanwhile: one that was just changed opens nothing.
 */
export async function beginSession(services: Services, whence: Whence, { token, login, workspace_id }: Begun): Promise<SessionRow> {
  return atomically(services, async (tx) => {
    const same = and(eq(accounts.userId, login.user_id), eq(accounts.providerId, "credential"), eq(accounts.password, login.password));
    const [account] = await tx.db.select({ id: accounts.id }).from(accounts).where(same).for("share");
    const expiresAt = new Date(after(tx.now(), lifetime_ms));
    const [made] = account
      ? await tx.db.update(sessions).set({ expiresAt }).where(eq(sessions.token, token)).returning({ id: sessions.id })
      : [];
    if (!made) throw wrongCredentials();
    const session = await findSession(tx, token);
    const begun = await moveSession(tx, session, workspace_id ?? (await firstWorkspaceOf(tx, session.user.id)));
    await tellTeams(tx, whence, session.user, "team_member.signed_in", { session_id: session.id });
    return begun;
  });
}
