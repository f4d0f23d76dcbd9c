import { sql } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { inTable, type Place } from "../search/found-by.ts";
import { contact_identities, contacts } from "./tables.ts";

/** Where a contact has words: name and external id, and what channels know them by. */
export const placesOfContacts = (ctx: Pick<Ctx, "workspace_id">): Place[] => [
  inTable(ctx, contacts.id, sql`search_document(workspace_id, coalesce(name, '') || ' ' || coalesce(external_id, ''))`),
  inTable(ctx, contact_identities.contact_id, sql`search_document(workspace_id, value)`),
];
