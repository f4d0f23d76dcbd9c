import { timingSafeEqual } from "node:crypto";
import { sql } from "drizzle-orm";
import type { Scope, Services } from "../core/context.ts";
import { type ApiError, unauthorized } from "../core/errors.ts";
import { idOf, type Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { statement } from "../db/statement.ts";
import { fullWindow, resetAt } from "./full-window.ts";
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
  const row = await ask(services, { ...asker, cost });
  const { reset_seconds } = row;
  const reset_at = resetAt(row.window_start);
  const limits = { ip: asker.ip_limit, key: row.key_limit ?? 0, tenant: row.tenant_limit ?? 0 };
  const taken = { ip: row.ip_hits, key: row.key_hits, tenant: row.tenant_hits };
  const wanted = row.live ? windowScopes : (["ip"] as const);
  const windowsWith = (hitsOf: (scope: WindowScope, at: number) => number): Window[] =>
    wanted.map((scope, at) => ({ scope, limit: limits[scope], remaining: Math.max(0, limits[scope] - hitsOf(scope, at)) }));

  const full = row.full_scope === null ? wanted.find((scope) => taken[scope] === null) : windowScopes[row.full_scope];
  if (full) {
    const subjects = { ip: asker.ip, key: row.id, tenant: row.workspace_id };
    for (const scope of wanted.filter((scope) => taken[scope] !== null))
      await giveBack(services, scope, subjects[scope], cost, row.window_start);
    const windows = windowsWith((_, at) => row.held[at]!);
    const { remaining } = windows.find(({ scope }) => scope === full)!;
    // Where some may have room, those who come first are asked for without the others.
    if (costs.length > 1 && remaining >= Math.min(...costs)) {
      const half = costs.length >> 1;
      return [...(await admit(services, asker, costs.slice(0, half))), ...(await admit(services, asker, costs.slice(half)))];
    }
    const refusal = fullWindow({ scope: full, limit: limits[full], reset_seconds, reset_at, ...(row.live && { windows }) });
    return costs.map(() => refusal);
  }
  const refusal = refusalOf(row, asker);
  if (refusal) return costs.map(() => refusal);

  const key = { id: idOf("key", row.id!), workspace_id: idOf("ws", row.workspace_id!), name: row.name!, scopes: row.scopes! };
  let behind = cost;
  return costs.map((each) => {
    behind -= each;
    return { key, windows: windowsWith((scope) => taken[scope]! - behind), reset_seconds, reset_at };
  });
}

/** Why a request that there is room for is not let in. */
function refusalOf(row: Row, { digest }: Asker): ApiError | undefined {
  if (!row.id || !sameDigest(row.digest, digest)) return unauthorized("unknown_token", "There is no such API key.");
  if (row.revoked) return unauthorized("revoked_token", "This API key has been revoked.");
  return row.live ? undefined : unauthorized("expired_token", "This API key has expired.");
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
async function ask({ db, now }: Services, asked: Asker & { cost: number }): Promise<Row> {
  const [row] = await asking(db, { ...asked, now: now() });
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
