import { and, eq } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { invalid } from "../core/errors.ts";
import { atomically } from "../db/atomically.ts";
import type { ChangePassword } from "./contract.ts";
import { findLogin } from "./find-login.ts";
import type { SessionRow } from "./find-session.ts";
import { hashPassword, isPassword } from "./password.ts";
import { accounts, sessions } from "./tables.ts";
import { noteFailure, tellTeams, type Whence } from "./tell-teams.ts";

/**
 * Replaces the password and ends every session, in one transaction: whoever changes a password may do so because somebody
 * else knows it. The slow hashes are made before it; of two who change it at once, the second gave what is no longer current.
 */
export async function changePassword(
  services: Services,
  whence: Whence,
  { user }: SessionRow,
  { current_password, new_password }: ChangePassword,
): Promise<void> {
  const login = await findLogin(services, user.email);
  if (!login || !(await isPassword(current_password, login.password))) {
    noteFailure(services, whence, user.email, "team_member.sign_in_failed");
    throw notCurrent();
  }
  const password = await hashPassword(new_password);

  await atomically(services, async (tx) => {
    const theirs = and(eq(accounts.userId, user.id), eq(accounts.providerId, "credential"), eq(accounts.password, login.password));
    const changed = await tx.db
      .update(accounts)
      .set({ password, updatedAt: new Date(tx.now()) })
      .where(theirs)
      .returning({ id: accounts.id });
    if (changed.length === 0) throw notCurrent();
    const ended = await tx.db.delete(sessions).where(eq(sessions.userId, user.id)).returning({ id: sessions.id });
    await tellTeams(tx, whence, user, "team_member.password_changed", { ended: ended.length });
  });
}

const notCurrent = () =>
  invalid({ pointer: "/current_password", code: "wrong_password", detail: "current_password is not your password." });
