import { and, asc, lt, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { uuidOf } from "../core/ids.ts";
import { feedOf, readCursor, type Listing, type Page, type Position } from "../core/page.ts";
import type { TenantTable } from "./mine.ts";
import { query } from "./query.ts";
import { totalOf } from "./total.ts";

/** A table whose rows tell which transaction wrote them: `xid: transactionId()`, with an index (workspace_id, xid, id). */
type FeedTable = TenantTable & { xid: AnyPgColumn };

interface FeedInput {
  limit: number;
  cursor?: string | undefined;
  include_total?: boolean | undefined;
}

/**
 * Reads a page of a feed, which loses nothing. Ids and instants are taken before a commit, so whoever remembers only
 * the last one misses what is committed late; a feed goes by transactions, and ends before the oldest still writing.
 */
export async function readFeed<T extends FeedTable, P>(
  ctx: Ctx,
  table: T,
  listing: Listing,
  { limit, cursor, include_total }: FeedInput,
  filters: SQL | undefined,
  present: (row: T["$inferSelect"]) => P,
): Promise<Page<P>> {
  const position = readCursor(ctx, listing, cursor);
  const horizon = await horizonOf(ctx);
  const finished = and(filters, lt(table.xid, sql`${horizon[0]}::xid8`));
  const rows = await ctx.db
    .select()
    .from(table as PgTable)
    .where(and(finished, position && isBehind(table, position)))
    .orderBy(asc(table.xid), asc(table.id))
    .limit(limit + 1);
  const page = feedOf(ctx, listing, rows as { xid: string; id: string }[], limit, horizon, present as (row: object) => P);
  return { ...page, ...(await totalOf(ctx, { include_total }, table, finished)) };
}

const nobody = "_00000000000000000000000000";

/**
 * Every transaction before it is over, and what reads after this sees what it wrote. Ids of transactions are the
 * server's own: whoever restores a dump into another one sets `xid` to 3 in the tables of the feeds.
 */
async function horizonOf({ db }: Ctx): Promise<Position> {
  const [row] = await query<{ xid: string }>(db, sql`select pg_snapshot_xmin(pg_current_snapshot())::text as xid`);
  return [row!.xid, nobody];
}

const isBehind = (table: FeedTable, [xid, id]: Position): SQL => sql`(${table.xid}, ${table.id}) > (${xid}::xid8, ${uuidOf(id)}::uuid)`;
