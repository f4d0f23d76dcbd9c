import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findMine } from "../db/mine.ts";
import type { Role } from "./contract.ts";
import { members } from "./tables.ts";

/** Who is an owner is decided by owners: an administrator neither makes one nor changes one. What a key may do is its scopes' affair. */
export async function assertMayAppoint(ctx: TxCtx, ...roles: (Role | undefined)[]): Promise<void> {
  const { actor } = ctx;
  if (actor.type !== "member" || !roles.includes("owner")) return;
  const { role } = await findMine(ctx, members, actor.id);
  if (role !== "owner") throw new ApiError("forbidden", { detail: "Only an owner may make somebody an owner, or change one." });
}
