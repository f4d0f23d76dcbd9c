import { sql, type SQL } from "drizzle-orm";
import type { Values } from "./statement.ts";

type Cell = string | number | null;

/**
 * Many rows as one parameter for each of their columns: its PostgreSQL type, and where its value is found. JSON in which
 * every value has its name beside it takes longer to read, in PostgreSQL, and to write: a row of its own for each.
 */
export function columnwise<T>(columns: Readonly<Record<string, readonly [type: string, of: (row: T) => Cell]>>) {
  const named = Object.entries(columns).map(([name, [type, of]]) => ({ name, type, of, as: sql.identifier(name) }));
  const listed = (part: (column: (typeof named)[number]) => SQL) => sql.join(named.map(part), sql`, `);
  return {
    /** The rows, to select from. */
    rows: sql`(select ${listed(({ as, type }) => sql`${as}::${sql.raw(type)}`)} from rows from (
      ${listed(({ name }) => sql`json_array_elements_text(${sql.placeholder(name)}::text::json)`)}) as text_of(${listed(({ as }) => sql`${as}`)}))`,
    /** What a statement over them is run with. */
    values: (rows: readonly T[]): Values => Object.fromEntries(named.map(({ name, of }) => [name, JSON.stringify(rows.map(of))])),
  };
}
