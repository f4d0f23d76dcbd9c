import { isDeepStrictEqual } from "node:util";
import { eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import type { UpdateSettings } from "./contract.ts";
import { lockWorkspace, presentSettings, type WorkspaceRow } from "./find-workspace.ts";
import { workspaces } from "./tables.ts";

/** Changes what is named and leaves the rest; what was, and what is, goes into the audit log. What is so already is no change. */
export async function updateSettings(ctx: TxCtx, { agent, ...wanted }: UpdateSettings) {
  const workspace = await lockWorkspace(ctx);
  const changes = changesOf(workspace, { ...wanted, agent: { ...workspace.agent, ...named(agent ?? {}) } });
  const changed = Object.keys(changes) as (keyof Changes)[];
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

type Changes = Partial<Omit<WorkspaceRow, "id" | "created_at" | "updated_at">>;

function changesOf(workspace: WorkspaceRow, wanted: { [F in keyof Changes]: Changes[F] | undefined }): Changes {
  const differs = ([field, value]: [string, unknown]) => !isDeepStrictEqual(value, workspace[field as keyof Changes]);
  return Object.fromEntries(Object.entries(named(wanted)).filter(differs));
}

const named = <T extends object>(fields: T): { [F in keyof T]: Exclude<T[F], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
