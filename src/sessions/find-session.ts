import { and, asc, desc, eq, gt } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { unauthorized } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { members } from "../team/tables.ts";
import { scopesOf } from "../team/roles.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { Session, SessionList } from "./contract.ts";
import { memberships, sessions, users } from "./tables.ts";

export type SessionRow = NonNullable<Awaited<ReturnType<typeof seekSession>>>;

export const noSession = () => unauthorized("no_session", "Nobody is signed in: there is no such session, or it has ended.");

/** The session that a cookie's token names, and whose it is. */
export async function findSession(services: Services, token: string | undefined): Promise<SessionRow> {
  const session = await seekSession(services, token);
  if (!session) throw noSession();
  return session;
}

/** The same, where there may be none. */
export async function seekSession({ db, now }: Services, token: string | undefined) {
  if (token === undefined) return undefined;
  const { id, workspaceId, expiresAt, createdAt } = sessions;
  const [row] = await db
    .select({
      id,
      workspace_id: workspaceId,
      expires_at: expiresAt,
      created_at: createdAt,
      user: { id: users.id, name: users.name, email: users.email },
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.token, token), gt(expiresAt, new Date(now()))));
  return row;
}

/** The session as the portal sees it. Whoever was removed from its workspace is nobody there. */
export async function describeSession(services: Services, session: SessionRow): Promise<Session> {
  const theirs = await activeMembershipsOf(services, session.user.id);
  const here = theirs.find(({ workspace }) => workspace.id === session.workspace_id);
  return {
    object: "session",
    id: session.id,
    user: session.user,
    workspace: here?.workspace ?? null,
    member: here ? { ...here.member, scopes: scopesOf(here.member.role) } : null,
    workspaces: theirs.map(({ workspace, member }) => ({ ...workspace, role: member.role })),
    created_at: session.created_at.toISOString(),
    expires_at: session.expires_at.toISOString(),
  };
}

export async function activeMembershipsOf({ db }: Pick<Services, "db">, user_id: Id<"usr">) {
  return db
    .select({
      workspace: { id: workspaces.id, name: workspaces.name },
      member: { id: members.id, name: members.name, role: members.role },
    })
    .from(memberships)
    .innerJoin(members, and(eq(members.workspace_id, memberships.workspace_id), eq(members.id, memberships.member_id)))
    .innerJoin(workspaces, eq(workspaces.id, memberships.workspace_id))
    .where(and(eq(memberships.user_id, user_id), eq(members.status, "active")))
    .orderBy(asc(workspaces.name), asc(workspaces.id));
}

/** Everywhere the person is signed in, the newest first. */
export async function listSessions({ db, now }: Services, current: SessionRow): Promise<SessionList> {
  const { id, ipAddress, userAgent, createdAt, expiresAt } = sessions;
  const rows = await db
    .select({ id, ip_address: ipAddress, user_agent: userAgent, created_at: createdAt, expires_at: expiresAt })
    .from(sessions)
    .where(and(eq(sessions.userId, current.user.id), gt(expiresAt, new Date(now()))))
    .orderBy(desc(createdAt), desc(id));
  return {
    object: "list",
    data: rows.map((row) => ({
      ...row,
      object: "session",
      is_current: row.id === current.id,
      user_agent: row.user_agent || null,
      created_at: row.created_at.toISOString(),
      expires_at: row.expires_at.toISOString(),
    })),
  };
}
