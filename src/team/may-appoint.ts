import { and, eq } from "drizzle-orm";
import { api_keys } from "../api-keys/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import type { Role } from "./contract.ts";
import { members } from "./tables.ts";

/** Who is an owner is decided by owners: an administrator neither makes one nor changes one, nor does a key that one has made. */
export async function assertMayAppoint(ctx: TxCtx, ...roles: (Role | undefined)[]): Promise<void> {
  if (!roles.includes("owner") || (await speaksForOwner(ctx))) return;
  throw new ApiError("forbidden", {
    detail: "Only an owner may make somebody an owner, or change one; a key may if it was made by somebody who is one now.",
    members: { required_scope: "owner", granted_scopes: "scopes" in ctx.actor ? ctx.actor.scopes : [] },
  });
}

/** A workspace's first key was made by nobody of the team: with it the first owner is invited. */
async function speaksForOwner(ctx: TxCtx): Promise<boolean> {
  const { actor } = ctx;
  if (actor.type === "member") return isOwner(ctx, actor.id);
  if (actor.type !== "api_key") return true;
  const [key] = await ctx.db
    .select({ made_by: api_keys.created_by })
    .from(api_keys)
    .where(and(mine(ctx, api_keys), eq(api_keys.id, actor.id)));
  return key?.made_by?.type === "team_member" ? isOwner(ctx, key.made_by.id as Id<"mem">) : true;
}

async function isOwner(ctx: TxCtx, id: Id<"mem">): Promise<boolean> {
  const owner = and(mine(ctx, members), eq(members.id, id), eq(members.role, "owner"), eq(members.status, "active"));
  return (await ctx.db.$count(members, owner)) === 1;
}
