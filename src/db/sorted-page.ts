import { and, getTableColumns, sql, type SQL } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { pageOf, readCursor, type Listing, type Page } from "../core/page.ts";
import { inStates, type States } from "./in-states.ts";
import { arranged, behind, orderOf, pageThrough, type Filter } from "./look-through.ts";
import { mine, type TenantTable } from "./mine.ts";
import { totalOf } from "./total.ts";

interface SortedInput {
  /** A moment that rows have; a minus sign before it means the newest first. */
  sort: string;
  limit: number;
  cursor?: string | undefined;
  include_total?: boolean | undefined;
  q?: string | undefined;
}

/** A page of a list in any of its orders, of which each is that of an index: with filters that may have none of that order. */
export async function readSorted<T extends { id: string }>(
  ctx: Ctx,
  table: TenantTable,
  listing: Listing,
  input: SortedInput,
  { filters, states }: { filters: readonly Filter[]; states: States },
  fetch: (chosen: SQL) => PromiseLike<T[]>,
): Promise<Page<T>> {
  const at = input.sort.replace("-", "");
  // Ids are made in order of time, so they are the order of creation.
  const column = at === "created_at" ? table.id : getTableColumns(table)[at]!;
  const sorted = { column, direction: input.sort.startsWith("-") ? "desc" : "asc" } as const;
  const position = readCursor(ctx, listing, input.cursor);
  const limit = input.limit + 1;

  const readInOrder = async () => {
    const order = orderOf(table, sorted);
    const own = filters.filter(({ each }) => !each).map(({ is }) => is);
    const rest = and(mine(ctx, table), ...own, behind(table, sorted, position));
    const rows = await fetch(sql`${inStates(ctx, table, states, { rest, order, limit })} order by ${order} limit ${limit}`);
    return pageOf(ctx, listing, rows, input.limit, (row) => [String(row[at as keyof T]), row.id]);
  };
  const { sought, ...places } = arranged(column, filters);
  // What words are found in is known before it is sorted.
  const page =
    sought && input.q === undefined
      ? await pageThrough(ctx, table, listing, { ...sorted, position, sought, limit, ...places }, fetch)
      : await readInOrder();
  return { ...page, ...(await totalOf(ctx, input, table, and(mine(ctx, table), places.whole))) };
}
