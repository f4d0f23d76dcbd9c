import { and, asc, desc, gt, lt, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { pageOf, readCursor, type Listing, type Page } from "../core/page.ts";
import type { TenantTable } from "./mine.ts";
import { given } from "./query.ts";
import { totalOf } from "./total.ts";

interface PageInput {
  limit: number;
  cursor?: string | undefined;
  include_total?: boolean | undefined;
}

/** How a list goes: along a column of which no two of its rows have the same value. */
interface Along {
  column: AnyPgColumn;
  order: "asc" | "desc";
}

/** A page of a table, by default the newest first: ids are made in order of time, so they are the order. */
export async function readPage<T extends TenantTable, P>(
  ctx: Ctx,
  table: T,
  listing: Listing,
  { limit, cursor, include_total }: PageInput,
  filters: SQL | undefined,
  present: (row: T["$inferSelect"]) => P,
  { column, order }: Along = { column: table.id, order: "desc" },
): Promise<Page<P>> {
  const position = readCursor(ctx, listing, cursor);
  const [beyond, direction] = order === "asc" ? [gt, asc] : [lt, desc];
  const rows = await ctx.db
    .select()
    .from(table as PgTable)
    .where(
      and(
        filters,
        given(position, ([last]) => beyond(column, last)),
      ),
    )
    .orderBy(direction(column))
    .limit(limit + 1);
  const page = pageOf(ctx, listing, rows, limit, (row) => [String(row[column.name]), String(row["id"])]);
  return { ...page, data: page.data.map(present as (row: object) => P), ...(await totalOf(ctx, { include_total }, table, filters)) };
}
