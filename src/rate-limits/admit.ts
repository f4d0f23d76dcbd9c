import { sql } from "drizzle-orm";
import type { Scope, Services } from "../core/context.ts";
import { type ApiError, unauthorized } from "../core/errors.ts";
import { idOf, type Id } from "../core/ids.ts";
import { sameSecret } from "../core/same-secret.ts";
import type { Timestamp } from "../core/time.ts";
import { statement } from "../db/statement.ts";
import { fullWindow } from "./full-window.ts";
import { judgeWindows, type Window } from "./judge-windows.ts";
import { takingWindows, thisMinute, windowColumns, type WindowRow } from "./window-sql.ts";

export interface Admission {
  key: { id: Id<"key">; workspace_id: Id<"ws">; name: string; scopes: Scope[] };
  windows: Window[];
  reset_seconds: number;
  reset_at: Timestamp;
}

/** A key, by the digest of its token, and the address that it is used from. */
export interface Asker {
  digest: string;
  ip: string;
  ip_limit: number;
}

/**
 * Who asks, and whether they may ask once more: one statement, one round trip, no cache, so that a revoked
 * key is refused by its very next request on every instance. An unknown key counts against its address alone.
 *
 * The requests that one key makes at the same moment are asked for at once, in their order: each is given by how many
 * requests it counts. What is not admitted is refused by the error that stands in its place.
 */
export async function admit(services: Services, asker: Asker, costs: readonly number[]): Promise<(Admission | ApiError)[]> {
  const cost = costs.reduce((sum, each) => sum + each, 0);
  const rows = await asking(services.db, { ...asker, cost, now: services.now() });
  const { windows, full, reset_seconds, reset_at } = await judgeWindows(services, rows, cost);
  // Who asks is the same in each.
  const row = rows[0]!;
  // Where some may have room, those who come first are asked for without the others.
  if (full && costs.length > 1 && full.remaining >= Math.min(...costs)) {
    const half = costs.length >> 1;
    return [...(await admit(services, asker, costs.slice(0, half))), ...(await admit(services, asker, costs.slice(half)))];
  }
  const refusal = full
    ? fullWindow({ scope: full.scope, limit: full.limit, reset_seconds, reset_at, ...(row.live && { windows }) })
    : refusalOf(row, asker);
  if (refusal) return costs.map(() => refusal);

  const key = { id: idOf("key", row.id!), workspace_id: idOf("ws", row.workspace_id!), name: row.name!, scopes: row.scopes! };
  let behind = cost;
  return costs.map((each) => {
    behind -= each;
    const as_found = windows.map(({ scope, limit, remaining }) => ({ scope, limit, remaining: remaining + behind }));
    return { key, windows: as_found, reset_seconds, reset_at };
  });
}

/** Why a request that there is room for is not let in. */
function refusalOf(row: Row, { digest }: Asker): ApiError | undefined {
  if (!row.id || !sameSecret(digest, row.digest)) return unauthorized("unknown_token", "There is no such API key.");
  if (row.revoked) return unauthorized("revoked_token", "This API key has been revoked.");
  return row.live ? undefined : unauthorized("expired_token", "This API key has expired.");
}

/** Who asks, beside one of the windows. */
interface Row extends WindowRow {
  id: string | null;
  digest: string | null;
  workspace_id: string | null;
  name: string | null;
  scopes: Scope[] | null;
  revoked: boolean | null;
  live: boolean | null;
}

/** Plain text and five parameters: it runs before every request, and putting it together must cost nothing. */
const asking = statement<Row>(
  () => sql`
    /* across tenants: who asks */
    with asked as materialized (
      select ${sql.placeholder("digest")}::text as digest, ${sql.placeholder("ip")}::text as ip, ${sql.placeholder("ip_limit")}::int as ip_limit, ${sql.placeholder("cost")}::int as cost, ${sql.placeholder("now")}::timestamptz as now,
        ${thisMinute}
    ), found as materialized (
      select key.id, digests.digest, key.workspace_id, key.name, key.scopes, key.revoked_at is not null as revoked,
        key.revoked_at is null and (key.expires_at is null or key.expires_at > asked.now) as live,
        key.rate_limit_per_minute as key_limit, workspaces.api_rate_limit_per_minute as tenant_limit
      from asked
      join api_key_digests as digests on digests.digest = asked.digest
      join api_keys as key on key.workspace_id = digests.workspace_id and key.id = digests.api_key_id
      join workspaces on workspaces.id = key.workspace_id
    ), wanted(scope, subject, allowed) as (
      select 0, ip, ip_limit from asked
      union all select 1, id::text, key_limit from found where live
      union all select 2, workspace_id::text, tenant_limit from found where live
    ), ${takingWindows}
    select found.*, ${windowColumns} from asked cross join windows left join found on true order by windows.scope`,
);
