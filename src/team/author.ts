import type { Actor } from "../core/context.ts";
import type { Author } from "./contract.ts";

/** Whoever acts, as the author of what they leave behind. */
export const authorOf = ({ type, id, name }: Actor): Author => ({ type: type === "api_key" ? "api" : "system", id, name });
