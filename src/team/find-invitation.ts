import { and, eq } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { workspaces } from "../workspaces/tables.ts";
import { digestOf } from "./invite-member.ts";
import { invitation_digests, members } from "./tables.ts";

export type Invitation = Awaited<ReturnType<typeof findInvitation>>;

/** Whom a token invites, and where to. One that was used, that is over or that never was: they look alike. */
export async function findInvitation({ db, now }: Pick<Services, "db" | "now">, token: string) {
  const { workspace_id, id, email, name, role, invitation_expires_at } = members;
  const [found] = await db
    .select({
      workspace: { id: workspace_id, name: workspaces.name },
      member: { id, email, name, role },
      expires_at: invitation_expires_at,
    })
    .from(invitation_digests)
    .innerJoin(members, and(eq(workspace_id, invitation_digests.workspace_id), eq(id, invitation_digests.member_id)))
    .innerJoin(workspaces, eq(workspaces.id, workspace_id))
    .where(eq(invitation_digests.digest, digestOf(token)));
  if (!found?.expires_at || found.expires_at <= now()) throw new ApiError("invitation_not_valid");
  return { ...found, expires_at: found.expires_at };
}
