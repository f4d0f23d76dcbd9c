import { and, desc, eq } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { members } from "../team/tables.ts";
import { memberships } from "./tables.ts";

/** Where a new session begins: in the workspace that the person joined last, of those whose team they are in. */
export async function firstWorkspaceOf({ db }: Pick<Services, "db">, user_id: string): Promise<Id<"ws"> | null> {
  const [latest] = await db
    .select({ workspace_id: memberships.workspace_id })
    .from(memberships)
    .innerJoin(members, and(eq(members.workspace_id, memberships.workspace_id), eq(members.id, memberships.member_id)))
    .where(and(eq(memberships.user_id, user_id as Id<"usr">), eq(members.status, "active")))
    .orderBy(desc(members.joined_at), desc(members.id))
    .limit(1);
  return latest?.workspace_id ?? null;
}
