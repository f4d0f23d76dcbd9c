import type { Actor } from "../core/context.ts";
import type { Author } from "./contract.ts";

const types = { api_key: "api", member: "team_member", provider: "system", system: "system" } as const;

/** Whoever acts, as the author of what they leave behind. */
export const authorOf = ({ type, id, name }: Actor): Author => ({ type: types[type], id, name });
