import type { Scope } from "../core/context.ts";
import type { Role } from "./contract.ts";

/** What each role allows: the one place where a member's rights are decided. */
const scopesByRole: Record<Role, readonly Scope[]> = {
  owner: ["read", "write", "admin"],
  admin: ["read", "write", "admin"],
  agent: ["read", "write"],
  viewer: ["read"],
};

export const scopesOf = (role: Role): Scope[] => [...scopesByRole[role]];
