import { and, eq, getTableColumns, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Ctx } from "../core/context.ts";
import { ApiError, invalid, noSuch } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { selection } from "./selection.ts";
import { slot, whose } from "./statement.ts";

export type TenantTable = PgTable & { workspace_id: AnyPgColumn<{ data: Id<"ws"> }>; id: AnyPgColumn };

/** The tenant fence. Every statement on a tenant table says it; one without it looks wrong on sight. */
export const mine = (ctx: Pick<Ctx, "workspace_id">, table: { workspace_id: AnyPgColumn }): SQL => eq(table.workspace_id, ctx.workspace_id);

/**
 * The one row of this workspace with this id, or 404: foreign and missing look the same. Held for an update it is held against other
 * holders, and not against rows that only name it: their foreign keys would make every message wait for a change of its endpoint.
 */
export async function findMine<T extends TenantTable>(
  ctx: Pick<Ctx, "workspace_id" | "db">,
  table: T,
  id: string,
  options: { lock?: "update" } = {},
): Promise<T["$inferSelect"]> {
  const [row] = await oneOf(table)[options.lock ? "locked" : "seen"](ctx.db, { workspace_id: ctx.workspace_id, id });
  if (!row) throw new ApiError("not_found");
  return row as T["$inferSelect"];
}

const selections = new Map<PgTable, ReturnType<typeof selectionOf>>();

function oneOf(table: TenantTable) {
  const made = selections.get(table) ?? selectionOf(table);
  selections.set(table, made);
  return made;
}

function selectionOf(table: TenantTable) {
  const rows = selection(getTableColumns(table as PgTable), (db) => db.select().from(table as PgTable));
  const is_one = sql`${whose(table)} and ${table.id} = ${slot(table.id)}`;
  return { seen: rows.always(is_one), locked: rows.always(sql`${is_one} for no key update`) };
}

/** Refuses a body's or a filter's id that names nothing here, naming the field. */
export async function assertMine(ctx: Ctx, table: TenantTable, pointer: string, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  const [row] = await ctx.db
    .select({ found: sql<number>`1` })
    .from(table as PgTable)
    .where(and(mine(ctx, table), eq(table.id, id)));
  if (!row) throw invalid(noSuch(pointer));
}
