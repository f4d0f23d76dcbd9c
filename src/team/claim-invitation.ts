import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { findMine } from "../db/mine.ts";
import { findInvitation } from "./find-invitation.ts";
import { joinTeam } from "./join-team.ts";
import { members } from "./tables.ts";

interface Claim {
  token: string;
  team_member_id: Id<"mem">;
  name: string;
  /** Where they come from, for the audit log. */
  whence: object;
}

/** Of all who come with one token at once, one joins: the member's row is the lock, and what the others find is an invitation that was used. */
export async function claimInvitation(ctx: TxCtx, { token, ...joining }: Claim) {
  await findMine(ctx, members, joining.team_member_id, { lock: "update" });
  const { member } = await findInvitation(ctx, token);
  if (member.id !== joining.team_member_id) throw new ApiError("invitation_not_valid");
  return joinTeam(ctx, joining);
}
