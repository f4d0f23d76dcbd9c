import { eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { between, changesOf } from "../core/changes.ts";
import type { TxCtx } from "../core/context.ts";
import type { UpdateSettings } from "./contract.ts";
import { lockWorkspace, presentSettings } from "./find-workspace.ts";
import { workspaces } from "./tables.ts";

/** Changes what is named and leaves the rest; what was, and what is, goes into the audit log. What is so already is no change. */
export async function updateSettings(ctx: TxCtx, { agent, ...wanted }: UpdateSettings) {
  const workspace = await lockWorkspace(ctx);
  const changes = changesOf(workspace, { ...wanted, agent: { ...workspace.agent, ...changesOf(workspace.agent, agent ?? {}) } });
  if (Object.keys(changes).length === 0) return presentSettings(workspace);

  const [updated] = await ctx.db
    .update(workspaces)
    .set({ ...changes, updated_at: ctx.now() })
    .where(eq(workspaces.id, ctx.workspace_id))
    .returning();
  await record(ctx, "workspace.updated", ctx.workspace_id, between(workspace, changes));
  return presentSettings(updated!);
}
