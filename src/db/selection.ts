import { is, sql, type SQL } from "drizzle-orm";
import { PgColumn, PgDialect, type AnyPgColumn } from "drizzle-orm/pg-core";
import type { Db, Tx } from "../core/context.ts";

/** What is selected: columns by name, and the columns of tables one level down. */
type Fields = Record<string, AnyPgColumn | Record<string, AnyPgColumn>>;

type Select = PromiseLike<unknown[]> & { toSQL(): { sql: string } };

const dialect = new PgDialect();

/**
 * A select whose head, all before `where`, is written once: Drizzle takes longer to name twenty columns than
 * PostgreSQL to find their row. What follows the head is written for each request, like any SQL.
 */
export function selection<S extends Select>(fields: Fields, write: (db: Db | Tx) => S) {
  const rowOf = reader(fields);
  let head: SQL | undefined;
  return (db: Db | Tx, rest: SQL): Promise<Awaited<S>> => {
    head ??= sql.raw(write(db).toSQL().sql);
    const query = dialect.sqlToQuery(sql`${head} ${rest}`);
    const prepared = db._.session.prepareQuery(query, undefined, undefined, true, (rows) => rows.map(rowOf));
    return prepared.execute() as Promise<Awaited<S>>;
  };
}

interface Place {
  group?: string;
  name: string;
  column: AnyPgColumn;
}

/** The driver hands over the values of a row in the order of the fields. */
function reader(fields: Fields): (values: unknown[]) => object {
  const places = Object.entries(fields).flatMap(([name, field]): Place[] =>
    is(field, PgColumn)
      ? [{ name, column: field }]
      : Object.entries(field as Record<string, AnyPgColumn>).map(([inner, column]) => ({ group: name, name: inner, column })),
  );
  return (values) => {
    const row: Record<string, unknown> = {};
    for (const [at, { group, name, column }] of places.entries()) {
      const value = values[at] === null ? null : column.mapFromDriverValue(values[at]);
      if (group === undefined) row[name] = value;
      else ((row[group] ??= {}) as Record<string, unknown>)[name] = value;
    }
    return row;
  };
}
