import { sql } from "drizzle-orm";
import { placesOfContacts } from "../contacts/places.ts";
import type { Ctx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import { inTable, type Place } from "../search/found-by.ts";
import { message_words } from "../search/tables.ts";
import { conversations } from "./tables.ts";

/** Where a conversation has words: in its messages, its subject and whoever it is with. */
export const placesOfConversations = (ctx: Pick<Ctx, "workspace_id">): Place[] => [
  inTable(ctx, message_words.conversation_id, sql`document`),
  inTable(ctx, conversations.id, sql`search_document(workspace_id, subject)`),
  ...placesOfContacts(ctx).map(
    (place): Place =>
      (word) =>
        sql`select id from ${conversations} where ${mine(ctx, conversations)} and contact_id in (${place(word)})`,
  ),
];
