import { and, eq, ne } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { mine } from "../db/mine.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { MemberRow } from "./present.ts";
import { members } from "./tables.ts";

/** Refuses to take a workspace's last active owner. Its row is the lock: two owners cannot both leave to the other. */
export async function assertNotLastOwner(ctx: TxCtx, { id, role, status }: MemberRow): Promise<void> {
  if (role !== "owner" || status !== "active") return;
  await ctx.db.select({ id: workspaces.id }).from(workspaces).where(eq(workspaces.id, ctx.workspace_id)).for("no key update");
  const [other] = await ctx.db
    .select({ id: members.id })
    .from(members)
    .where(and(mine(ctx, members), eq(members.role, "owner"), eq(members.status, "active"), ne(members.id, id)))
    .limit(1);
  if (!other) throw new ApiError("last_owner");
}
