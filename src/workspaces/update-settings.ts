import { eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { changesOf } from "../core/changes.ts";
import type { TxCtx } from "../core/context.ts";
import type { UpdateSettings } from "./contract.ts";
import { lockWorkspace, presentSettings } from "./find-workspace.ts";
import { workspaces } from "./tables.ts";

/** Changes what is named and leaves the rest; what was, and what is, goes into the audit log. What is so already is no change. */
export async function updateSettings(ctx: TxCtx, { agent, ...wanted }: UpdateSettings) {
  const workspace = await lockWorkspace(ctx);
  const changes = changesOf(workspace, { ...wanted, agent: { ...workspace.agent, ...changesOf(workspace.agent, agent ?? {}) } });
  const changed = Object.keys(changes) as (keyof typeof changes)[];
  if (changed.length === 0) return presentSettings(workspace);

  const [updated] = await ctx.db
    .update(workspaces)
    .set({ ...changes, updated_at: ctx.now() })
    .where(eq(workspaces.id, ctx.workspace_id))
    .returning();
  const from = Object.fromEntries(changed.map((field) => [field, workspace[field]]));
  await record(ctx, "workspace.updated", ctx.workspace_id, { changed, from, to: changes });
  return presentSettings(updated!);
}
