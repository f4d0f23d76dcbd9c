import { and, asc, desc, gte, lt, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { firstIdAt, uuidOf, type Prefix } from "../core/ids.ts";
import { feedOf, readCursor, writeCursor, type Listing, type Page, type Position } from "../core/page.ts";
import { minutes, shifted, type Timestamp } from "../core/time.ts";
import { arranged, pageThrough, rowsWhere, type Filter } from "./look-through.ts";
import { mine, type TenantTable } from "./mine.ts";
import { query } from "./query.ts";
import { read, written } from "./statement.ts";
import { totalOf } from "./total.ts";

/** A table whose rows tell which transaction wrote them: `xid: transactionId()`, with an index (workspace_id, xid, id). */
type FeedTable = TenantTable & { xid: AnyPgColumn };

interface FeedInput {
  limit: number;
  cursor?: string | undefined;
  include_total?: boolean | undefined;
  created_after?: Timestamp | undefined;
  created_before?: Timestamp | undefined;
}

/**
 * Reads a page of a feed, which loses nothing. Ids and instants are taken before a commit, so whoever remembers only
 * the last one misses what is committed late; a feed goes by transactions, and ends before the oldest still writing.
 */
export async function readFeed<T extends FeedTable, P>(
  ctx: Ctx,
  table: T,
  listing: Listing,
  { limit, cursor, include_total, created_after, created_before }: FeedInput,
  filters: SQL | undefined,
  present: (row: T["$inferSelect"]) => P,
  prefix: Prefix,
  others: readonly Filter[] = [],
): Promise<Page<P>> {
  const position = readCursor(ctx, listing, cursor) ?? (await beginning(ctx, table, prefix, created_after));
  const horizon = await horizonOf(ctx);
  const range = and(filters, await ending(ctx, table, prefix, created_before));
  const { sought, whole, instead } = arranged(table.xid, others);
  const own = and(mine(ctx, table), range, whole);
  if (sought) {
    const among = and(isFinished(table, horizon), range);
    const search = {
      column: table.xid,
      direction: "asc",
      position,
      among: [among],
      sought,
      whole: and(among, sought),
      instead,
      limit: limit + 1,
    } as const;
    const page = await pageThrough(ctx, table, listing, search, (are_these) => rowsWhere(ctx, table, are_these));
    const next_cursor = page.next_cursor ?? writeCursor(ctx, listing, horizon.position);
    return {
      ...page,
      next_cursor,
      data: page.data.map(present),
      ...(await totalOf(ctx, { include_total }, table, and(own, isFinished(table, horizon)))),
    };
  }
  const rows = await rowsBehind(ctx, table, position, horizon, own, limit + 1);
  const page = feedOf(ctx, listing, rows as { xid: string; id: string }[], limit, horizon.position, present as (row: object) => P);
  return { ...page, ...(await totalOf(ctx, { include_total }, table, and(own, isFinished(table, horizon)))) };
}

/** Far longer than a transaction may last, and than clocks differ. */
const older_ms = minutes(10);

/** A place in the feed before which nothing was created after that moment: it need not be searched from its very beginning. */
async function beginning(ctx: Ctx, table: FeedTable, prefix: Prefix, created_after: Timestamp | undefined): Promise<Position | undefined> {
  if (created_after === undefined) return undefined;
  return nearest(ctx, table, lt(table.id, firstIdAt(prefix, shifted(created_after, -older_ms))), desc(table.id));
}

/** `limit 1` is a word of the statement: a plan for any limit sorts all rows that there are on that side. */
async function nearest({ db, ...ctx }: Ctx, table: FeedTable, is: SQL, order: SQL): Promise<Position | undefined> {
  const { xid, id } = table;
  const first = sql`select ${xid}, ${id} from ${table} where ${and(mine(ctx, table), is)} order by ${order} limit 1`;
  const [position] = await read(db, written(first), (values) => [xid.mapFromDriverValue(values[0]), id.mapFromDriverValue(values[1])]);
  return position as Position | undefined;
}

/** That a row is not behind everything that was created before that moment: then it need not be searched to its very end. */
async function ending(ctx: Ctx, table: FeedTable, prefix: Prefix, created_before: Timestamp | undefined): Promise<SQL | undefined> {
  if (created_before === undefined) return undefined;
  const newer = await nearest(ctx, table, gte(table.id, firstIdAt(prefix, shifted(created_before, 2 * older_ms))), asc(table.id));
  return newer && sql`${table.xid} <= ${newer[0]}::xid8`;
}

/** The next rows of a feed behind a position, and before the horizon. */
export function rowsBehind<T extends FeedTable>(
  { db }: Pick<Ctx, "db">,
  table: T,
  position: Position | undefined,
  horizon: Horizon,
  filters: SQL | undefined,
  limit: number,
): Promise<T["$inferSelect"][]> {
  return db
    .select()
    .from(table as PgTable)
    .where(and(filters, isFinished(table, horizon), position && isBehind(table, position)))
    .orderBy(asc(table.xid), asc(table.id))
    .limit(limit);
}

export interface Horizon {
  /** Every transaction before it is over, and what reads after this sees what it wrote. */
  position: Position;
  /** No transaction from here on had begun: once the horizon has come this far, all is seen that was committed by now. */
  newest: bigint;
}

const nobody = "_00000000000000000000000000";

/**
 * Ids of transactions are the server's own: whoever restores a dump into another one sets `xid` to 3 in the
 * tables of the feeds.
 */
export async function horizonOf({ db }: Pick<Ctx, "db">): Promise<Horizon> {
  const [row] = await query<{ oldest: string; newest: string }>(
    db,
    sql`select pg_snapshot_xmin(seen)::text as oldest, pg_snapshot_xmax(seen)::text as newest from pg_current_snapshot() as seen`,
  );
  return { position: [row!.oldest, nobody], newest: BigInt(row!.newest) };
}

const isFinished = (table: FeedTable, { position: [xid] }: Horizon): SQL => lt(table.xid, sql`${xid}::xid8`);

const isBehind = (table: FeedTable, [xid, id]: Position): SQL => sql`(${table.xid}, ${table.id}) > (${xid}::xid8, ${uuidOf(id)}::uuid)`;
