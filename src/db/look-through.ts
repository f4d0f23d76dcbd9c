import { and, asc, desc, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { uuidOf } from "../core/ids.ts";
import { pageOf, type Listing, type Page, type Position } from "../core/page.ts";
import { mine, type TenantTable } from "./mine.ts";
import { query } from "./query.ts";
import { read, written } from "./statement.ts";

/**
 * So many rows a statement looks at in search of those that are meant: what is rare, or gone, costs no walk over a whole tenant. A
 * value of the statement, not a word of it: a plan for any values then counts on few rows, and takes them in order instead of sorting all.
 */
const most_looked_at = 5_000;
/** And so often a page looks further. */
const most_walks = 20;

/** What is asked of a list's rows. */
export interface Filter {
  is: SQL | undefined;
  /** Whose rows lie together in an index, in the order of these columns. Those of a range are in the midst of the whole table's. */
  by?: readonly AnyPgColumn[];
  is_range?: boolean;
  /** Where it is of several values, each for itself: only those of one have an order. */
  each?: readonly SQL[] | undefined;
}

type Stretch = Pick<Filter, "is" | "by">;

export interface Search {
  /** By which the list is sorted, before the id: a position is made of both. */
  column: AnyPgColumn;
  direction: "asc" | "desc";
  /** Behind which the page begins. */
  position: Position | undefined;
  /** The rows among which it is looked: an index has those of each in the list's order. */
  among: readonly (SQL | undefined)[];
  /** What is asked of them besides. */
  sought: SQL | undefined;
  /** All that is asked of the list. */
  whole: SQL | undefined;
  /** Whose rows, those of all its stretches, may be so few that they are looked at instead. */
  instead: readonly (readonly Stretch[])[];
  /** One more than a page has. */
  limit: number;
}

/** How a list sorted by a column is looked through: which of its filters an index has in that order, and which it has not. */
export function arranged(column: AnyPgColumn, filters: readonly Filter[]): Pick<Search, "among" | "sought" | "whole" | "instead"> {
  const asked = filters.filter(({ is }) => is);
  const in_order = asked.filter(({ by }) => by?.[0] === column);
  const leading = in_order.find(({ is_range }) => !is_range);
  const ranges = in_order.filter(({ is_range }) => is_range);
  const others = asked.filter((filter) => filter !== leading && !ranges.includes(filter));
  return {
    among: leading
      ? stretchesOf(leading).map(({ is }) => and(is, ...ranges.map((range) => range.is)))
      : [and(...ranges.map(({ is }) => is))],
    sought: and(...others.map(({ is }) => is)),
    whole: and(...asked.map(({ is }) => is)),
    instead: others.filter(({ by }) => by).map(stretchesOf),
  };
}

const stretchesOf = ({ is, by, each }: Filter): Stretch[] => (each?.length ? each.map((one) => ({ is: one, by: by! })) : [{ is, by: by! }]);

interface Looked {
  /** What was found, in the list's order. */
  rows: { id: string; position: Position }[];
  /** Where the looking ended before the list did. */
  edge?: Position;
}

/** A page of what is looked for: `fetch` has the rows that are on it, in any order. */
export async function pageThrough<T extends { id: string }>(
  ctx: Ctx,
  table: TenantTable,
  listing: Listing,
  search: Search,
  fetch: (are_these: SQL) => PromiseLike<T[]>,
): Promise<Page<T>> {
  const { rows, edge } = await lookThrough(ctx, table, search);
  const { data, ...page } = pageOf(ctx, listing, rows, search.limit - 1, ({ position }) => position, edge);
  const uuids = data.map(({ id }) => uuidOf(id)).join();
  const fetched = data.length === 0 ? [] : await fetch(and(mine(ctx, table), sql`${table.id} = any(${`{${uuids}}`}::uuid[])`)!);
  const by_id = new Map(fetched.map((row) => [row.id, row]));
  return { ...page, data: data.flatMap(({ id }) => by_id.get(id) ?? []) };
}

/**
 * The next rows of a list that are meant, where no index has them in its order. It is looked along the list, but not
 * for ever; should that be too long a way, in whichever other place has few rows.
 */
async function lookThrough(ctx: Ctx, table: TenantTable, search: Search): Promise<Looked> {
  let looked = await lookAlong(ctx, table, search);
  if (!looked.edge) return looked;
  for (const stretches of search.instead) if (await areFew(ctx, table, stretches)) return lookIn(ctx, table, search, stretches);
  for (let walks = 1; looked.edge && walks < most_walks; walks++) {
    const { rows } = looked;
    const further = await lookAlong(ctx, table, { ...search, position: looked.edge, limit: search.limit - rows.length });
    looked = { ...further, rows: [...rows, ...further.rows] };
  }
  return looked;
}

/** The last row of a walk is handed over though it may not be meant: it tells how far the walk came. */
async function lookAlong(ctx: Ctx, table: TenantTable, { among, sought, position, limit, ...sorted }: Search): Promise<Looked> {
  const order = orderOf(table, sorted);
  const walks = among.map((own) => {
    const rows = sql`(select *, row_number() over (order by ${order}) as nth from ${table} where ${and(mine(ctx, table), own, behind(table, sorted, position))} order by ${order} limit ${most_looked_at})`;
    return sql`(select ${placeIn(table, sorted)}, ${sought} as is_meant, nth = ${most_looked_at} as is_edge from ${rows} as ${table} where ${sought} or nth = ${most_looked_at} order by ${order} limit ${limit})`;
  });
  const found = await placesOf(ctx, table, sorted, walks, limit);
  const edge = found.findIndex(({ is_edge }) => is_edge);
  if (edge === -1) return { rows: found };
  return { rows: found.slice(0, edge + 1).filter(({ is_meant }) => is_meant), edge: found[edge]!.position };
}

async function areFew(ctx: Ctx, table: TenantTable, stretches: readonly Stretch[]): Promise<boolean> {
  const rows = stretches.map(
    ({ is, by }) => sql`(select from ${table} where ${and(mine(ctx, table), is)} order by ${listed(by)} limit ${most_looked_at})`,
  );
  const [row] = await query<{ many: number }>(
    ctx.db,
    sql`select count(*)::int as many from (${sql.join(rows, sql` union all `)}) as looked_at`,
  );
  return row!.many < most_looked_at;
}

/** A few more may have come meanwhile. */
async function lookIn(
  ctx: Ctx,
  table: TenantTable,
  { whole, position, limit, ...sorted }: Search,
  stretches: readonly Stretch[],
): Promise<Looked> {
  const order = orderOf(table, sorted);
  const parts = stretches.map(({ is, by }) => {
    const rows = sql`(select * from ${table} where ${and(mine(ctx, table), is)} order by ${listed(by)} limit ${2 * most_looked_at})`;
    return sql`(select ${placeIn(table, sorted)}, true as is_meant, false as is_edge from ${rows} as ${table} where ${and(whole, behind(table, sorted, position))} order by ${order} limit ${limit})`;
  });
  return { rows: await placesOf(ctx, table, sorted, parts, limit) };
}

const listed = (columns: readonly AnyPgColumn[] = []): SQL => sql.join([...columns], sql`, `);

type Sorted = Pick<Search, "column" | "direction">;

export function orderOf({ id }: TenantTable, { column, direction }: Sorted): SQL {
  const by = { asc, desc }[direction];
  return column === id ? by(id) : sql`${by(column)}, ${by(id)}`;
}

export function behind({ id }: TenantTable, { column, direction }: Sorted, position: Position | undefined): SQL | undefined {
  if (!position) return undefined;
  const [at, last] = position;
  const is = sql.raw(direction === "asc" ? ">" : "<");
  if (column === id) return sql`${id} ${is} ${sql.param(last, id)}`;
  return sql`(${column}, ${id}) ${is} (${sql.param(at, column)}, ${sql.param(last, id)})`;
}

const placeIn = ({ id }: TenantTable, { column }: Sorted): SQL => (column === id ? sql`${id}` : sql`${id}, ${column}`);

/** The first of some rows of a table: where each lies in the list, and what else was told of it. */
function placesOf({ db }: Ctx, table: TenantTable, sorted: Sorted, parts: SQL[], limit: number) {
  const { id } = table;
  const { column } = sorted;
  const rows = sql`(${sql.join(parts, sql` union all `)}) as ${table}`;
  const places = sql`select ${id}, ${column}, is_meant, is_edge from ${rows} order by ${orderOf(table, sorted)} limit ${limit}`;
  return read(db, written(places), ([own, at, is_meant, is_edge]) => ({
    id: String(id.mapFromDriverValue(own)),
    position: [String(column.mapFromDriverValue(at)), String(id.mapFromDriverValue(own))] as const,
    is_meant: is_meant === true,
    is_edge: is_edge === true,
  })) as Promise<{ id: string; position: Position; is_meant: boolean; is_edge: boolean }[]>;
}

/** The rows of a table, as it has them. */
export const rowsWhere = <T extends TenantTable>({ db }: Pick<Ctx, "db">, table: T, are_these: SQL) =>
  db
    .select()
    .from(table as PgTable)
    .where(are_these) as unknown as PromiseLike<(T["$inferSelect"] & { id: string })[]>;
