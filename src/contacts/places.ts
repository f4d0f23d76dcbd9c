import { sql } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { Place } from "../search/found-by.ts";
import { contact_identities, contacts } from "./tables.ts";

/** Where a contact has words: name and external id, and what channels know them by. Each as it is written in its index. */
export const placesOfContacts = (ctx: Pick<Ctx, "workspace_id">): Place[] => [
  (word) => sql`select id from ${contacts} where ${mine(ctx, contacts)}
    and search_document(workspace_id, coalesce(name, '') || ' ' || coalesce(external_id, '')) @@ ${word}`,
  (word) => sql`select contact_id from ${contact_identities} where ${mine(ctx, contact_identities)}
    and search_document(workspace_id, value) @@ ${word}`,
];
