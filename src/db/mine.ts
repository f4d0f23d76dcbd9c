import { and, eq, getTableColumns, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { ApiError, invalid, noSuch } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { selection } from "./selection.ts";

export type TenantTable = PgTable & { workspace_id: AnyPgColumn<{ data: Id<"ws"> }>; id: AnyPgColumn };

/** The tenant fence. Every statement on a tenant table says it; one without it looks wrong on sight. */
export const mine = (ctx: Pick<Ctx, "workspace_id">, table: { workspace_id: AnyPgColumn }): SQL => eq(table.workspace_id, ctx.workspace_id);

/** The one row of this workspace with this id, or 404: foreign and missing look the same. */
export async function findMine<T extends TenantTable>(
  ctx: Pick<Ctx, "workspace_id" | "db">,
  table: T,
  id: string,
  options: { lock?: "update" } = {},
): Promise<T["$inferSelect"]> {
  const locked = options.lock && sql.raw(`for ${options.lock}`);
  const [row] = await rowsOf(table)(ctx.db, sql`where ${and(mine(ctx, table), eq(table.id, id))} ${locked}`);
  if (!row) throw new ApiError("not_found");
  return row as T["$inferSelect"];
}

const selections = new Map<PgTable, ReturnType<typeof selectionOf>>();

function rowsOf(table: PgTable) {
  const made = selections.get(table) ?? selectionOf(table);
  selections.set(table, made);
  return made;
}

const selectionOf = (table: PgTable) => selection(getTableColumns(table), (db) => db.select().from(table));

/** Refuses a body's or a filter's id that names nothing here, naming the field. */
export async function assertMine(ctx: Ctx, table: TenantTable, pointer: string, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  const [row] = await ctx.db
    .select({ found: sql<number>`1` })
    .from(table as PgTable)
    .where(and(mine(ctx, table), eq(table.id, id)));
  if (!row) throw invalid(noSuch(pointer));
}
