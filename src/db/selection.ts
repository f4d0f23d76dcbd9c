import { sql, type SQL } from "drizzle-orm";
import type { Db, Tx } from "../core/context.ts";
import { read, reader, reading, written, type Fields } from "./statement.ts";

type Select<T> = PromiseLike<T[]> & { toSQL(): { sql: string } };

/** A select whose head, all before `where`, is written once. */
export function selection<T>(fields: Fields, write: (db: Db | Tx) => Select<T>) {
  const rowOf = reader(fields);
  let text: SQL | undefined;
  const head = (db: Db | Tx): SQL => (text ??= sql.raw(write(db).toSQL().sql));
  return {
    /** With an end that is written for each request, like any SQL. */
    where: (db: Db | Tx, rest: SQL): Promise<T[]> => read(db, written(sql`${head(db)} where ${rest}`), rowOf),
    /** With an end that is always the same but for its slots. */
    always: (rest: SQL) => reading<T>(fields, (db) => sql`${head(db)} where ${rest}`),
  };
}
