import { sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { uuidOf } from "../core/ids.ts";

type Tenant = Pick<Ctx, "workspace_id">;

/** A place to look in: a select of the ids of those for which it has the word. */
export type Place = (word: SQL) => SQL;

/** That every word of a search is found in one of the places, each wherever it may be. */
export function foundBy({ workspace_id }: Tenant, column: AnyPgColumn, text: string, places: Place[]): SQL {
  const words = sql`search_terms(${uuidOf(workspace_id)}::uuid, ${text})`;
  const anywhere = sql.join(
    places.map((place) => place(sql`asked.word`)),
    sql` union all `,
  );
  return sql`${column} in (
    select id from (
      select distinct found.id, asked.nth from unnest(${words}) with ordinality as asked (word, nth)
      cross join lateral (${anywhere}) as found (id)
    ) as held group by id having count(*) = cardinality(${words}))`;
}

/**
 * A place in a table: its document is written as in its index. Lexemes name their tenant, so that the index finds no
 * other's; behind `offset 0` the fence is looked at row by row, and not by walking a second index over all there are.
 */
export const inTable =
  ({ workspace_id }: Tenant, id: AnyPgColumn, document: SQL): Place =>
  (word) =>
    sql`select ${sql.identifier(id.name)} from (
    select workspace_id, ${sql.identifier(id.name)} from ${id.table} where ${document} @@ ${word} offset 0
  ) as here where workspace_id = ${uuidOf(workspace_id)}::uuid`;
