import { and, eq } from "drizzle-orm";
import { systemCtx, type Services } from "../core/context.ts";
import { invalid, unavailable } from "../core/errors.ts";
import { atomically } from "../db/atomically.ts";
import { claimInvitation } from "../team/claim-invitation.ts";
import type { Invitation } from "../team/find-invitation.ts";
import { scopesOf } from "../team/roles.ts";
import type { AcceptInvitation } from "./contract.ts";
import { createLogin, linkMember } from "./create-login.ts";
import { findLogin, wrongCredentials } from "./find-login.ts";
import { hashPassword, isPassword } from "./password.ts";
import { sessions } from "./tables.ts";
import { noteFailure, type Whence } from "./tell-teams.ts";

/**
 * Whoever was invited joins: with a password that they choose, or, if they can sign in already, with the one they have.
 * User, account, member and audit entry are written in one transaction; the slow hash is made before it.
 */
export async function acceptInvitation(
  services: Services,
  { request_id, ...whence }: Whence,
  invitation: Invitation,
  { token, password, ...given }: AcceptInvitation,
): Promise<void> {
  const { workspace, member } = invitation;
  const known = await findLogin(services, member.email);
  const name = given.name ?? member.name ?? known?.name;
  if (name === undefined) throw invalid({ pointer: "/name", code: "required", detail: "name is required." });
  if (known && !(await isPassword(password, known.password))) {
    noteFailure(services, { request_id, ...whence }, member.email, "team_member.sign_in_failed");
    throw wrongCredentials();
  }
  const password_hash = known ? undefined : await hashPassword(password);

  const actor = { type: "member", id: member.id, name, scopes: scopesOf(member.role) } as const;
  await atomically({ ...systemCtx(services, workspace.id, actor), request_id }, async (tx) => {
    await claimInvitation(tx, { token, team_member_id: member.id, name, whence });
    const user_id = known?.user_id ?? (await createLogin(tx, { email: member.email, name, password_hash: password_hash! }));
    // Another invitation to the same address has just been accepted: asked again, their account is there.
    if (!user_id) throw unavailable();
    await linkMember(tx, user_id, member.id);
    // From before they were removed: whoever holds such a cookie did not accept the invitation.
    await tx.db.delete(sessions).where(and(eq(sessions.userId, user_id), eq(sessions.workspaceId, workspace.id)));
  });
}
