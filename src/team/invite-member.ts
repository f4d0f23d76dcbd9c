import { createHash, randomBytes } from "node:crypto";
import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { invalid } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { after, hours } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import type { InviteMember } from "./contract.ts";
import { assertMayAppoint } from "./may-appoint.ts";
import { presentMember, type MemberRow } from "./present.ts";
import { invitation_digests, members } from "./tables.ts";

const invitation_ms = hours(7 * 24);

/** Invites somebody to the team. The token is in the answer and nowhere else; inviting them again replaces it. */
export async function inviteMember(ctx: TxCtx, input: InviteMember) {
  await assertMayAppoint(ctx, input.role);
  const member = (await insert(ctx, input)) ?? (await renew(ctx, input));
  const token = randomBytes(32).toString("base64url");
  await keepDigest(ctx, member.id, digestOf(token));
  await record(ctx, "team_member.invited", member.id, { email: member.email, role: member.role });
  const url = `${ctx.settings.public_url}/portal/join#${token}`;
  return { ...presentMember(member), invitation: { token, url, expires_at: member.invitation_expires_at! } };
}

/** Nothing comes back where somebody has the address: also where that somebody is only being made. */
async function insert(ctx: TxCtx, { email, role, name }: InviteMember): Promise<MemberRow | undefined> {
  const now = ctx.now();
  const [made] = await ctx.db
    .insert(members)
    .values({
      workspace_id: ctx.workspace_id,
      id: ctx.newId("mem"),
      email,
      role,
      name: name ?? null,
      invited_at: now,
      invitation_expires_at: after(now, invitation_ms),
      created_at: now,
      updated_at: now,
    })
    .onConflictDoNothing({ target: [members.workspace_id, members.email] })
    .returning();
  return made;
}

/** Whoever has not joined yet, or was removed, is the same member with a new invitation. */
async function renew(ctx: TxCtx, { email, role, name }: InviteMember): Promise<MemberRow> {
  const theirs = and(mine(ctx, members), eq(members.email, email));
  const [known] = await ctx.db.select({ status: members.status, role: members.role }).from(members).where(theirs).for("update");
  await assertMayAppoint(ctx, known?.role);
  if (known?.status === "active") {
    throw invalid({ pointer: "/email", code: "already_member", detail: "Somebody with this address is of the team already." });
  }
  const now = ctx.now();
  const [renewed] = await ctx.db
    .update(members)
    .set({
      role,
      ...(name !== undefined && { name }),
      status: "invited",
      invited_at: now,
      invitation_expires_at: after(now, invitation_ms),
      removed_at: null,
      updated_at: now,
    })
    .where(theirs)
    .returning();
  return renewed!;
}

/** A member has one invitation at a time. */
async function keepDigest(ctx: TxCtx, member_id: Id<"mem">, digest: string): Promise<void> {
  await ctx.db
    .insert(invitation_digests)
    .values({ workspace_id: ctx.workspace_id, member_id, digest })
    .onConflictDoUpdate({ target: [invitation_digests.workspace_id, invitation_digests.member_id], set: { digest } });
}

/** At 256 random bits a slow hash would add nothing. */
export const digestOf = (token: string): string => createHash("sha256").update(token).digest("base64url");
