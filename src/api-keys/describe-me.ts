import { and, eq } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { mine } from "../db/mine.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { Me } from "./contract.ts";
import { presentApiKey } from "./present.ts";
import { api_keys } from "./tables.ts";

/** The key that asks and its workspace. */
export async function describeMe(ctx: Ctx): Promise<Me> {
  if (ctx.actor.type !== "api_key") throw new ApiError("not_found");
  const [row] = await ctx.db
    .select({ api_key: api_keys, workspace: { id: workspaces.id, name: workspaces.name } })
    .from(api_keys)
    .innerJoin(workspaces, eq(workspaces.id, api_keys.workspace_id))
    .where(and(mine(ctx, api_keys), eq(api_keys.id, ctx.actor.id)));
  if (!row) throw new ApiError("not_found");
  return { object: "me", workspace: row.workspace, api_key: presentApiKey(row.api_key, ctx.now()) };
}
