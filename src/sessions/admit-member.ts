import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { unauthorized } from "../core/errors.ts";
import { idOf, type Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { statement } from "../db/statement.ts";
import { fullWindow } from "../rate-limits/full-window.ts";
import { judgeWindows, type Window } from "../rate-limits/judge-windows.ts";
import { takingWindows, thisMinute, windowColumns, type WindowRow } from "../rate-limits/window-sql.ts";
import type { Role } from "../team/contract.ts";
import { noSession } from "./find-session.ts";

/** What one member may ask a minute, in all of their sessions. The workspace's own window is its integrations': they must not close the portal. */
const member_limit = 600;

interface AdmittedMember {
  member: { id: Id<"mem">; workspace_id: Id<"ws">; name: string; role: Role };
  windows: Window[];
  reset_seconds: number;
  reset_at: Timestamp;
}

interface Request {
  /** Of a cookie whose signature is ours. */
  token: string;
  ip: string;
  ip_limit: number;
  /** How many requests it counts as. */
  cost: number;
}

/**
 * Who asks with a session, and whether they may ask once more, in one round trip: a session that was revoked and a
 * member who was removed are refused by their very next request. Who is nobody counts against the address alone.
 */
export async function admitMember(services: Services, request: Request): Promise<AdmittedMember> {
  const rows = await asking(services.db, { ...request, member_limit, now: services.now() });
  const { windows, full, reset_seconds, reset_at } = await judgeWindows(services, rows, request.cost);
  if (full) throw fullWindow({ scope: full.scope, limit: full.limit, windows, reset_seconds, reset_at });
  const row = rows[0]!;
  if (row.id === null) throw noSession();
  if (row.member_id === null) {
    throw unauthorized("no_workspace", "The session speaks for no workspace that you are in: switch to one of yours.");
  }
  return {
    member: {
      id: idOf("mem", row.member_id),
      workspace_id: idOf("ws", row.workspace_id!),
      name: row.name ?? row.user_name!,
      role: row.role!,
    },
    windows,
    reset_seconds,
    reset_at,
  };
}

/** Who asks, beside one of the windows. */
interface Row extends WindowRow {
  id: string | null;
  workspace_id: string | null;
  member_id: string | null;
  user_name: string | null;
  name: string | null;
  role: Role | null;
}

/** As `rate-limits/admit.ts` asks for keys: it looks first, and writes only if both windows have room. */
const asking = statement<Row>(
  () => sql`
    /* across tenants: who asks */
    with asked as materialized (
      select ${sql.placeholder("token")}::text as token, ${sql.placeholder("ip")}::text as ip, ${sql.placeholder("ip_limit")}::int as ip_limit,
        ${sql.placeholder("member_limit")}::int as member_limit, ${sql.placeholder("cost")}::int as cost, ${sql.placeholder("now")}::timestamptz as now,
        ${thisMinute}
    ), found as materialized (
      select session.id, session.workspace_id, member.id as member_id, users.name as user_name, member.name, member.role
      from asked
      join sessions as session on session.token = asked.token and session.expires_at > asked.now
      join users on users.id = session.user_id
      left join memberships on memberships.user_id = session.user_id and memberships.workspace_id = session.workspace_id
      left join members as member
        on member.workspace_id = memberships.workspace_id and member.id = memberships.member_id and member.status = 'active'
    ), wanted(scope, subject, allowed) as (
      select 0, ip, ip_limit from asked
      union all select 3, member_id::text, member_limit from asked, found where member_id is not null
    ), ${takingWindows}
    select found.*, ${windowColumns} from asked cross join windows left join found on true order by windows.scope`,
);
