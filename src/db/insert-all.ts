import { getTableColumns, sql } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Db, Tx } from "../core/context.ts";
import { statement } from "./statement.ts";

/**
 * New rows, of which these columns are given. However many, they are one parameter of one statement: a list of values has
 * a text of its own for each length, and thousands of parameters take longer to write and to read than their rows.
 */
export function insertionOfAll<T extends PgTable, N extends keyof T["$inferInsert"] & string>(table: T, ...names: N[]) {
  const columns = getTableColumns(table) as Record<string, AnyPgColumn>;
  const listed = sql.join(names.map(named), sql.raw(", "));
  const typed = sql.join(
    names.map((name) => sql`${named(name)} ${sql.raw(columns[name]!.getSQLType())}`),
    sql.raw(", "),
  );
  const put = statement<never>(
    () =>
      sql`insert into ${table} (${listed}) select ${listed} from json_to_recordset(${sql.placeholder("rows")}::json) as given (${typed})`,
  );
  const stored = (row: Record<string, unknown>) => names.map((name) => [name, storedIn(columns[name]!, row[name])]);
  return async (db: Db | Tx, rows: readonly Pick<T["$inferInsert"], N>[]): Promise<void> => {
    await put(db, { rows: JSON.stringify(rows.map((row) => Object.fromEntries(stored(row)) as object)) });
  };
}

const named = (name: string) => sql`${sql.identifier(name)}`;

const storedIn = (column: AnyPgColumn, value: unknown): unknown => (value === null ? null : column.mapToDriverValue(value));
