import { sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { uuidOf } from "../core/ids.ts";

/** A place to look in: selects the ids of those for which it has the word. */
export type Place = (word: SQL) => SQL;

/** That every word of a search is found in one of the places, each wherever it may be. */
export function foundBy({ workspace_id }: Pick<Ctx, "workspace_id">, column: AnyPgColumn, text: string, places: Place[]): SQL {
  const terms = sql`search_terms(${uuidOf(workspace_id)}::uuid, ${text})`;
  const found = sql.join(
    places.map((place) => place(sql.raw("term.word"))),
    sql` union all `,
  );
  return sql`${column} in (select found.id from unnest(${terms}) with ordinality as term (word, nth)
    cross join lateral (${found}) as found (id) group by found.id having count(distinct term.nth) = cardinality(${terms}))`;
}
