import { and, asc, desc, gt, lt, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { pageOf, readCursor, type Listing, type Page } from "../core/page.ts";
import { inAnyOf, inStates, type States } from "./in-states.ts";
import { mine, type TenantTable } from "./mine.ts";
import { given } from "./query.ts";
import { totalOf } from "./total.ts";

interface PageInput {
  limit: number;
  cursor?: string | undefined;
  include_total?: boolean | undefined;
}

interface Way {
  /** No two of the list's rows have the same value in it. By default the id: ids are made in order of time. */
  column?: AnyPgColumn;
  order?: "asc" | "desc";
  states?: States;
}

/** A page of what a workspace has in a table, by default the newest first. */
export async function readPage<T extends TenantTable, P>(
  ctx: Ctx,
  table: T,
  listing: Listing,
  input: PageInput,
  filters: SQL | undefined,
  present: (row: T["$inferSelect"]) => P,
  { column = table.id, order = "desc", states }: Way = {},
): Promise<Page<P>> {
  const position = readCursor(ctx, listing, input.cursor);
  const [beyond, direction] = order === "asc" ? [gt, asc] : [lt, desc];
  const own = and(mine(ctx, table), filters);
  const rest = and(
    own,
    given(position, ([last]) => beyond(column, last)),
  );
  const wanted = { rest, order: direction(column), limit: input.limit + 1 };
  const rows = await ctx.db
    .select()
    .from(table as PgTable)
    .where(states ? inStates(ctx, table, states, wanted) : rest)
    .orderBy(wanted.order)
    .limit(wanted.limit);
  const page = pageOf(ctx, listing, rows, input.limit, (row) => [String(row[column.name]), String(row["id"])]);
  const total = await totalOf(ctx, input, table, and(own, states && inAnyOf(states)));
  return { ...page, data: page.data.map(present as (row: object) => P), ...total };
}
