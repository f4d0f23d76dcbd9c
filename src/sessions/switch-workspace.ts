import { eq } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { SwitchWorkspace } from "./contract.ts";
import { activeMembershipsOf, type SessionRow } from "./find-session.ts";
import { sessions } from "./tables.ts";

/** From now on the session speaks for another of the person's workspaces. One that they are not in looks like one that is not there. */
export async function switchWorkspace(services: Services, session: SessionRow, { workspace_id }: SwitchWorkspace): Promise<SessionRow> {
  const theirs = await activeMembershipsOf(services, session.user.id);
  if (!theirs.some(({ workspace }) => workspace.id === workspace_id)) throw new ApiError("not_found");
  return moveSession(services, session, workspace_id);
}

/** Whether the person is still there is asked by every request. */
export async function moveSession({ db }: Services, session: SessionRow, workspace_id: SessionRow["workspace_id"]): Promise<SessionRow> {
  await db.update(sessions).set({ workspaceId: workspace_id }).where(eq(sessions.id, session.id));
  return { ...session, workspace_id };
}
