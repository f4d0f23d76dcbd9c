import type { Id } from "../../src/core/ids.ts";
import { atomically } from "../../src/db/atomically.ts";
import type { Role, TeamMember } from "../../src/team/contract.ts";
import { joinTeam } from "../../src/team/join-team.ts";
import type { Tenant } from "./world.ts";

let invited = 0;

export interface Invited extends TeamMember {
  invitation: { token: string; url: string; expires_at: string };
}

export const freshEmail = (): string => `member-${process.pid}-${invited++}@shop.example`;

export const invite = (tenant: Tenant, given: object = {}) =>
  tenant.post<Invited>("/v1/team_members", { email: freshEmail(), role: "agent", ...given });

/** Somebody who was invited and has joined. */
export async function join(tenant: Tenant, role: Role = "agent", name?: string): Promise<Id<"mem">> {
  const { body } = await invite(tenant, { role, ...(name !== undefined && { name }) });
  await atomically(tenant.ctx, (tx) => joinTeam(tx, { team_member_id: body.id }));
  return body.id;
}

export const remove = (tenant: Tenant, id: string) => tenant.delete(`/v1/team_members/${id}`);
