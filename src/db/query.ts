import type { SQL } from "drizzle-orm";
import type { Db, Tx } from "../core/context.ts";

/** The rows of a statement in SQL; the two drivers wrap them differently. */
export async function query<T extends object>(db: Db | Tx, statement: SQL): Promise<T[]> {
  const result: unknown = await db.execute(statement);
  return Array.isArray(result) ? (result as T[]) : (result as { rows: T[] }).rows;
}

/** A filter's condition, where the filter was given. */
export const given = <T>(value: T | undefined, condition: (value: T) => SQL): SQL | undefined =>
  value === undefined ? undefined : condition(value);
