import type { SQL } from "drizzle-orm";
import type { Db, Tx } from "../core/context.ts";

/** The rows of a statement in SQL. */
export const query = async <T extends object>(db: Db | Tx, statement: SQL): Promise<T[]> => rowsOf(await db.execute(statement));

/** The two drivers wrap them differently. */
export const rowsOf = <T extends object>(result: unknown): T[] =>
  Array.isArray(result) ? (result as T[]) : (result as { rows: T[] }).rows;

/** A filter's condition, where the filter was given. */
export const given = <T>(value: T | undefined, condition: (value: T) => SQL): SQL | undefined =>
  value === undefined ? undefined : condition(value);
