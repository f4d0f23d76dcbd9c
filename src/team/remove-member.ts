import { and, eq, gt, isNull, or, sql } from "drizzle-orm";
import { api_keys } from "../api-keys/tables.ts";
import { record } from "../audit/record.ts";
import { conversation_assignments, conversations } from "../conversations/tables.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { findMine, mine } from "../db/mine.ts";
import { tickets } from "../tickets/tables.ts";
import { authorOf } from "./author.ts";
import type { MemberRef } from "./contract.ts";
import { assertNotLastOwner } from "./last-owner.ts";
import { assertMayAppoint } from "./may-appoint.ts";
import { invitation_digests, members } from "./tables.ts";

/** Takes somebody out of the team. What they did keeps their name; what they had still to do is nobody's. */
export async function removeMember(ctx: TxCtx, { team_member_id: id }: MemberRef) {
  const member = await findMine(ctx, members, id, { lock: "update" });
  const answer = { id, object: "team_member" as const, deleted: true as const };
  if (member.status === "removed") return answer;
  await assertMayAppoint(ctx, member.role);
  await assertNotLastOwner(ctx, member);

  const now = ctx.now();
  await ctx.db
    .update(members)
    .set({ status: "removed", removed_at: now, invitation_expires_at: null, updated_at: now })
    .where(and(mine(ctx, members), eq(members.id, id)));
  await ctx.db.delete(invitation_digests).where(and(mine(ctx, invitation_digests), eq(invitation_digests.member_id, id)));
  const released = { conversations: await releaseConversations(ctx, id), tickets: await releaseTickets(ctx, id) };
  await record(ctx, "team_member.removed", id, {
    email: member.email,
    role: member.role,
    released,
    api_keys: await workingKeysOf(ctx, id),
  });
  return answer;
}

/** They are the workspace's and go on: who removes somebody is told which of them to think of. */
async function workingKeysOf(ctx: TxCtx, member_id: Id<"mem">): Promise<Id<"key">[]> {
  const works = and(isNull(api_keys.revoked_at), or(isNull(api_keys.expires_at), gt(api_keys.expires_at, ctx.now())));
  const made = await ctx.db
    .select({ id: api_keys.id })
    .from(api_keys)
    .where(and(mine(ctx, api_keys), sql`${api_keys.created_by} ->> 'id' = ${member_id}`, works))
    .orderBy(api_keys.id);
  return made.map(({ id }) => id);
}

const rows_per_statement = 1000;

/** Open ones only: who had a conversation when it was closed stays known. */
async function releaseConversations(ctx: TxCtx, assignee_id: Id<"mem">): Promise<number> {
  const now = ctx.now();
  const theirs = and(mine(ctx, conversations), eq(conversations.assignee_id, assignee_id), isNull(conversations.closed_at));
  const released = await ctx.db
    .update(conversations)
    .set({ assignee_id: null, updated_at: now })
    .where(theirs)
    .returning({ id: conversations.id });
  const history = released.map(({ id: conversation_id }) => ({
    workspace_id: ctx.workspace_id,
    id: ctx.newId("asg"),
    conversation_id,
    assigned_by: authorOf(ctx.actor),
    from_id: assignee_id,
    to_id: null,
    created_at: now,
  }));
  for (let at = 0; at < history.length; at += rows_per_statement) {
    await ctx.db.insert(conversation_assignments).values(history.slice(at, at + rows_per_statement));
  }
  return released.length;
}

async function releaseTickets(ctx: TxCtx, assignee_id: Id<"mem">): Promise<number> {
  const theirs = and(mine(ctx, tickets), eq(tickets.assignee_id, assignee_id), isNull(tickets.closed_at));
  const released = await ctx.db
    .update(tickets)
    .set({ assignee_id: null, updated_at: ctx.now() })
    .where(theirs)
    .returning({ id: tickets.id });
  return released.length;
}
