import { eq } from "drizzle-orm";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Workspace, WorkspaceSettings } from "./contract.ts";
import { workspaces } from "./tables.ts";

export type WorkspaceRow = typeof workspaces.$inferSelect;

/** The workspace that asks. */
export const findWorkspace = async (ctx: Ctx): Promise<Workspace> => ({ ...(await ownRow(ctx)), object: "workspace" });

/** What it has decided for itself. */
export const findSettings = async (ctx: Ctx): Promise<WorkspaceSettings> => presentSettings(await ownRow(ctx));

/** The same, held until the transaction ends. */
export const lockSettings = async (ctx: TxCtx): Promise<WorkspaceSettings> => presentSettings(await lockWorkspace(ctx));

export const presentSettings = (row: WorkspaceRow): WorkspaceSettings => ({ ...row, object: "workspace_settings" });

/** Nothing else of the workspace waits for it: rows that only belong to it hold it by its key. */
export async function lockWorkspace(ctx: TxCtx): Promise<WorkspaceRow> {
  const [row] = await ctx.db.select().from(workspaces).where(eq(workspaces.id, ctx.workspace_id)).for("no key update");
  return row!;
}

async function ownRow(ctx: Ctx): Promise<WorkspaceRow> {
  const [row] = await ctx.db.select().from(workspaces).where(eq(workspaces.id, ctx.workspace_id));
  return row!;
}
