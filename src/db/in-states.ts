import { and, eq, inArray, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { mine, type TenantTable } from "./mine.ts";

export interface States {
  column: AnyPgColumn;
  /** Undefined means all. */
  any_of: readonly string[] | undefined;
}

/** A page of rows, and what each must be beside its state. */
interface Wanted {
  rest: SQL | undefined;
  order: SQL;
  limit: number;
}

/**
 * That a row of a page is in one of these states. An index that begins with the state has the rows of each in order, but
 * not those of several together: so a page of each is taken. States are words of the statement, as they are of partial
 * indexes: what PostgreSQL plans for any parameter walks over a whole tenant in search of what is rare.
 */
export function inStates(ctx: Ctx, table: TenantTable, { column, any_of }: States, { rest, order, limit }: Wanted): SQL | undefined {
  if (any_of === undefined) return rest;
  if (any_of.length === 0) return and(mine(ctx, table), sql`false`);
  const [first, ...others] = eachOf({ column, any_of })!.map((state) => and(rest, state)!);
  if (others.length === 0) return first;
  const pages = [first, ...others].map((own) => sql`(select ${table.id} from ${table} where ${own} order by ${order} limit ${limit})`);
  return and(mine(ctx, table), sql`${table.id} in (${sql.join(pages, sql` union all `)})`);
}

/** The same where all rows are meant, to be counted. */
export const inAnyOf = ({ column, any_of }: States): SQL | undefined => any_of && inArray(column, [...any_of]);

/** Each of them by itself. */
export const eachOf = ({ column, any_of }: States): SQL[] | undefined =>
  any_of && [...new Set(any_of)].map((state) => eq(column, sql.raw(`'${state}'`)));
