import type { SQL } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";

/** How many rows match on all pages, where that was asked for: a statement of its own, which reads every one of them. */
export async function totalOf(
  { db }: Pick<Ctx, "db">,
  { include_total = false }: { include_total?: boolean | undefined },
  table: PgTable,
  filters: SQL | undefined,
): Promise<{ total_count?: number }> {
  return include_total ? { total_count: await db.$count(table, filters) } : {};
}
