import type { TxCtx } from "../core/context.ts";
import { record } from "../audit/record.ts";
import { workspaces } from "./tables.ts";

/** Makes the tenant that the context already speaks for. */
export async function createWorkspace(ctx: TxCtx, { name }: { name: string }) {
  const now = ctx.now();
  await ctx.db.insert(workspaces).values({ id: ctx.workspace_id, name, created_at: now, updated_at: now });
  await record(ctx, "workspace.created", ctx.workspace_id, { name });
}
