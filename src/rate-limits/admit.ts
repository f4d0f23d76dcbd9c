import { timingSafeEqual } from "node:crypto";
import { sql } from "drizzle-orm";
import type { Scope, Services } from "../core/context.ts";
import { ApiError, unauthorized } from "../core/errors.ts";
import { idOf, type Id } from "../core/ids.ts";
import { after, seconds, type Timestamp } from "../core/time.ts";
import { rfc3339 } from "../db/columns.ts";
import { statement } from "../db/statement.ts";
import { describeWindows } from "./describe-windows.ts";
import { giveBack, lookedBefore, lookingBefore, resetSeconds, taking, thisMinute } from "./window-sql.ts";

/** The three windows in the order in which they are taken: the first full one denies. */
const windowScopes = ["ip", "key", "tenant"] as const;
type WindowScope = (typeof windowScopes)[number];

export interface Window {
  scope: WindowScope | "member";
  limit: number;
  remaining: number;
}

export interface Admission {
  key: { id: Id<"key">; workspace_id: Id<"ws">; name: string; scopes: Scope[] };
  windows: Window[];
  reset_seconds: number;
  reset_at: Timestamp;
}

interface Request {
  digest: string;
  ip: string;
  ip_limit: number;
  /** How many requests it counts as. */
  cost: number;
}

/**
 * Who asks, and whether they may ask once more: one statement, one round trip, no cache, so that a revoked
 * key is refused by its very next request on every instance. An unknown key counts against its address alone.
 */
export async function admit(services: Services, request: Request): Promise<Admission> {
  const row = await ask(services, request);
  const limits = { ip: request.ip_limit, key: row.key_limit ?? 0, tenant: row.tenant_limit ?? 0 };
  const taken = { ip: row.ip_hits, key: row.key_hits, tenant: row.tenant_hits };
  const wanted = row.live ? windowScopes : (["ip"] as const);
  const remaining = (scope: WindowScope, hits: number): Window => ({
    scope,
    limit: limits[scope],
    remaining: Math.max(0, limits[scope] - hits),
  });

  const full = row.full_scope === null ? wanted.find((scope) => taken[scope] === null) : windowScopes[row.full_scope];
  if (full) {
    const subjects = { ip: request.ip, key: row.id, tenant: row.workspace_id };
    for (const scope of wanted.filter((scope) => taken[scope] !== null))
      await giveBack(services, scope, subjects[scope], request.cost, row.window_start);
    throw tooMany(full, limits[full], row, row.live ? windowScopes.map((scope, at) => remaining(scope, row.held[at]!)) : []);
  }
  if (!row.id || !sameDigest(row.digest, request.digest)) throw unauthorized("unknown_token", "There is no such API key.");
  if (row.revoked) throw unauthorized("revoked_token", "This API key has been revoked.");
  if (!row.live) throw unauthorized("expired_token", "This API key has expired.");

  return {
    key: { id: idOf("key", row.id), workspace_id: idOf("ws", row.workspace_id!), name: row.name!, scopes: row.scopes! },
    windows: windowScopes.map((scope) => remaining(scope, taken[scope]!)),
    reset_seconds: row.reset_seconds,
    reset_at: resetAt(row),
  };
}

interface Row {
  id: string | null;
  digest: string | null;
  workspace_id: string | null;
  name: string | null;
  scopes: Scope[] | null;
  revoked: boolean | null;
  live: boolean | null;
  key_limit: number | null;
  tenant_limit: number | null;
  full_scope: number | null;
  /** What the windows held before, in the order of their scopes. */
  held: number[];
  ip_hits: number | null;
  key_hits: number | null;
  tenant_hits: number | null;
  window_start: string;
  reset_seconds: number;
}

/**
 * Looks first: if any window is full nothing is written. The upserts then decide exactly, always in the same
 * order; one that returns no row filled up meanwhile. The windows are the database's, because they are shared.
 * Plain text and five parameters: it runs before every request, and putting it together must cost nothing.
 */
async function ask({ db, now }: Services, request: Request): Promise<Row> {
  const [row] = await asking(db, { ...request, now: now() });
  return row!;
}

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
    ), ${lookingBefore},
    ${taking("ip", "ip", "ip_limit from asked", " where not exists (select 1 from before where is_full)")},
    ${taking("key", "id::text", "key_limit from found", ", found where live and exists (select 1 from ip)")},
    ${taking("tenant", "workspace_id::text", "tenant_limit from found", ", found where live and exists (select 1 from key)")}
    select found.*, ${lookedBefore},
      (select hits from ip) as ip_hits, (select hits from key) as key_hits, (select hits from tenant) as tenant_hits, window_start,
      ${resetSeconds}
    from asked left join found on true`,
);

const sameDigest = (stored: string | null, given: string): boolean =>
  stored !== null && stored.length === given.length && timingSafeEqual(Buffer.from(stored), Buffer.from(given));

const resetAt = ({ window_start }: Row): Timestamp => after(rfc3339(window_start), seconds(60));

function tooMany(scope: WindowScope, limit: number, row: Row, windows: Window[]): ApiError {
  return new ApiError("too_many_requests", {
    detail: `The window of this ${scope === "ip" ? "address" : scope === "key" ? "API key" : "workspace"} is full: ${limit} requests a minute.`,
    members: { limit: { scope, limit, window_seconds: 60, reset_at: resetAt(row) } },
    headers: { ...(windows.length > 0 && describeWindows(windows, row.reset_seconds)), "Retry-After": String(row.reset_seconds) },
  });
}
