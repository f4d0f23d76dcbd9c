import type { TeamMember } from "./contract.ts";
import { scopesOf } from "./roles.ts";
import type { members } from "./tables.ts";

export type MemberRow = typeof members.$inferSelect;

export const presentMember = (row: MemberRow): TeamMember => ({ ...row, object: "team_member", scopes: scopesOf(row.role) });
