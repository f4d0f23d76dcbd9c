import { and, eq, inArray, ne } from "drizzle-orm";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import type { Listing } from "../core/page.ts";
import { findMine, mine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import type { ListMembers, MemberRef } from "./contract.ts";
import { presentMember } from "./present.ts";
import { members } from "./tables.ts";

/** The team, the newest first; also those who were removed, for they stand in what they did. */
export async function listMembers(ctx: Ctx, input: ListMembers) {
  const listing: Listing = { name: "team members", filters: input };
  const filters = and(
    given(input.role, (role) => inArray(members.role, role)),
    given(input.status, (status) => inArray(members.status, status)),
  );
  return readPage(ctx, members, listing, input, filters, presentMember);
}

/** One member. */
export const findMember = async (ctx: Ctx, { team_member_id }: MemberRef) => presentMember(await findMine(ctx, members, team_member_id));

/** The same, held until the transaction ends. */
export const lockMember = async (ctx: TxCtx, { team_member_id }: MemberRef) =>
  presentMember(await findMine(ctx, members, team_member_id, { lock: "update" }));

/** Whether somebody is of the team, and stays so until the transaction ends: whoever is being removed is waited for. */
export async function holdMember(ctx: TxCtx, member_id: Id<"mem">): Promise<boolean> {
  const [held] = await ctx.db
    .select({ id: members.id })
    .from(members)
    .where(and(mine(ctx, members), eq(members.id, member_id), ne(members.status, "removed")))
    .for("share");
  return held !== undefined;
}
