import { getTableColumns, is, Param, Placeholder, sql, type SQL } from "drizzle-orm";
import { PgColumn, PgDialect, type AnyPgColumn, type PgTable } from "drizzle-orm/pg-core";
import type { Db, Tx } from "../core/context.ts";
import { rowsOf } from "./query.ts";

/*
 * A statement that is the same each time but for its values is written once: Drizzle takes longer to name twenty
 * columns than PostgreSQL to find their row. What differs stands in it as slots.
 */

/** What is known only when the statement is run. It is kept as the column keeps it. */
export const slot = (column: AnyPgColumn, name: string = column.name): SQL => sql`${sql.param(sql.placeholder(name), column)}`;

/** The tenant fence of such a statement: `workspace_id` is among the values it is run with. */
export const whose = (table: { workspace_id: AnyPgColumn }): SQL => sql`${table.workspace_id} = ${slot(table.workspace_id)}`;

export type Values = Readonly<Record<string, unknown>>;
/** Columns by name, and the columns of tables one level down. */
export type Fields = Record<string, AnyPgColumn | Record<string, AnyPgColumn>>;

/** Its rows as the driver reads them. */
export function statement<T extends object>(write: () => SQL) {
  const query = once(write);
  return async (db: Db | Tx, values: Values): Promise<T[]> =>
    rowsOf<T>(await db._.session.prepareQuery(query(db)(values), undefined, undefined, false).execute());
}

/** Its rows as their columns read them; `fields` in the order in which the statement names them. */
export function reading<T>(fields: Fields, write: (db: Db | Tx) => SQL) {
  const query = once(write);
  const rowOf = reader(fields);
  return (db: Db | Tx, values: Values): Promise<T[]> => read(db, query(db)(values), rowOf);
}

/** One new row, of which these columns are given, and the row as it then stands. */
export function insertion<T extends PgTable>(table: T, ...names: (keyof T["$inferInsert"] & string)[]) {
  const put = inserting(table, names);
  return async (db: Db | Tx, values: T["$inferInsert"]): Promise<T["$inferSelect"]> => (await put(db, values))[0]!;
}

/** The same, and in the same statement, and round trip, something that is written with it: `beside`, with slots of its own. */
export function insertionBeside<B extends Values, T extends PgTable>(
  beside: () => SQL,
  table: T,
  ...names: (keyof T["$inferInsert"] & string)[]
) {
  const put = inserting(table, names, beside);
  return async (db: Db | Tx, values: T["$inferInsert"] & B): Promise<T["$inferSelect"]> => (await put(db, values))[0]!;
}

function inserting<T extends PgTable>(table: T, names: (keyof T["$inferInsert"] & string)[], beside?: () => SQL) {
  const columns = getTableColumns(table) as Record<string, AnyPgColumn>;
  const slots = listed(names.map((name) => slot(columns[name]!)));
  const head = () => (beside ? sql`with beside as (${beside()}) ` : sql``);
  const write = () => sql`${head()}insert into ${table} (${listed(names.map(named))}) values (${slots}) returning ${columnsOf(table)}`;
  return reading<T["$inferSelect"]>(columns, write);
}

/** All of a table's, in the order in which they are read. */
export const columnsOf = (table: PgTable): SQL => listed(Object.keys(getTableColumns(table)).map(named));

const listed = (parts: SQL[]): SQL => sql.join(parts, sql.raw(", "));
const named = (name: string): SQL => sql`${sql.identifier(name)}`;

interface Written {
  sql: string;
  params: unknown[];
}

const dialect = new PgDialect();
export const written = (query: SQL): Written => dialect.sqlToQuery(query);

export const read = <T>(db: Db | Tx, query: Written, rowOf: (values: unknown[]) => object): Promise<T[]> =>
  db._.session.prepareQuery(query, undefined, undefined, true, (rows) => rows.map(rowOf)).execute() as Promise<T[]>;

/** Written when it is first run. Drizzle's own placeholders would hand null to a column that knows only values. */
function once(write: (db: Db | Tx) => SQL) {
  let fill: ((values: Values) => Written) | undefined;
  return (db: Db | Tx) => (fill ??= filler(written(write(db))));
}

function filler({ sql: text, params }: Written): (values: Values) => Written {
  const fills = params.map((param): ((values: Values) => unknown) => {
    const [place, encoder] = is(param, Param) ? [param.value, param.encoder] : [param, undefined];
    if (!is(place, Placeholder)) return () => param;
    return (values) => {
      const value = values[place.name] ?? null;
      return value === null || !encoder ? value : encoder.mapToDriverValue(value);
    };
  });
  return (values) => ({ sql: text, params: fills.map((fill) => fill(values)) });
}

/** The driver hands over the values of a row in the order of the fields. */
export function reader(fields: Fields): (values: unknown[]) => object {
  const places = Object.entries(fields).flatMap(([name, field]): { group?: string; name: string; column: AnyPgColumn }[] =>
    is(field, PgColumn)
      ? [{ name, column: field }]
      : Object.entries(field as Record<string, AnyPgColumn>).map(([inner, column]) => ({ group: name, name: inner, column })),
  );
  return (values) => {
    const row: Record<string, unknown> = {};
    for (let at = 0; at < places.length; at++) {
      const { group, name, column } = places[at]!;
      const value = values[at] === null ? null : column.mapFromDriverValue(values[at]);
      if (group === undefined) row[name] = value;
      else ((row[group] ??= {}) as Record<string, unknown>)[name] = value;
    }
    return row;
  };
}
