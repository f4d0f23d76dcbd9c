import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findMine, mine } from "../db/mine.ts";
import type { MemberRef } from "./contract.ts";
import { presentMember } from "./present.ts";
import { invitation_digests, members } from "./tables.ts";

/** Whoever was invited is of the team from now on, by the name they give; their invitation is used up. */
export async function joinTeam(ctx: TxCtx, { team_member_id, name, whence }: MemberRef & { name?: string; whence?: object }) {
  const { status } = await findMine(ctx, members, team_member_id, { lock: "update" });
  if (status !== "invited") throw new ApiError("not_found");
  const now = ctx.now();
  const [joined] = await ctx.db
    .update(members)
    .set({ ...(name !== undefined && { name }), status: "active", joined_at: now, invitation_expires_at: null, updated_at: now })
    .where(and(mine(ctx, members), eq(members.id, team_member_id)))
    .returning();
  await ctx.db.delete(invitation_digests).where(and(mine(ctx, invitation_digests), eq(invitation_digests.member_id, team_member_id)));
  await record(ctx, "team_member.joined", team_member_id, { ...whence });
  return presentMember(joined!);
}
