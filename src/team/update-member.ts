import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { between, changesOf } from "../core/changes.ts";
import type { TxCtx } from "../core/context.ts";
import { findMine, mine } from "../db/mine.ts";
import type { UpdateMember } from "./contract.ts";
import { assertNotLastOwner } from "./last-owner.ts";
import { assertMayAppoint } from "./may-appoint.ts";
import { presentMember } from "./present.ts";
import { members } from "./tables.ts";

/** Changes what is named and leaves the rest. What is so already is no change. */
export async function updateMember(ctx: TxCtx, { team_member_id, ...wanted }: UpdateMember) {
  const member = await findMine(ctx, members, team_member_id, { lock: "update" });
  const changes = changesOf(member, wanted);
  if (Object.keys(changes).length === 0) return presentMember(member);
  if (changes.role) {
    await assertMayAppoint(ctx, member.role, changes.role);
    await assertNotLastOwner(ctx, member);
  }

  const [updated] = await ctx.db
    .update(members)
    .set({ ...changes, updated_at: ctx.now() })
    .where(and(mine(ctx, members), eq(members.id, team_member_id)))
    .returning();
  await record(ctx, "team_member.updated", team_member_id, between(member, changes));
  return presentMember(updated!);
}
