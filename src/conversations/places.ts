import { sql } from "drizzle-orm";
import { placesOfContacts } from "../contacts/places.ts";
import type { Ctx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { Place } from "../search/found-by.ts";
import { message_words } from "../search/tables.ts";
import { conversations } from "./tables.ts";

/** Where a conversation has words: in its messages, its subject and whoever it is with. */
export const placesOfConversations = (ctx: Pick<Ctx, "workspace_id">): Place[] => [
  (word) => sql`select conversation_id from ${message_words} where ${mine(ctx, message_words)} and document @@ ${word}`,
  (word) => sql`select id from ${conversations} where ${mine(ctx, conversations)} and search_document(workspace_id, subject) @@ ${word}`,
  ...placesOfContacts(ctx).map(
    (place): Place =>
      (word) =>
        sql`select id from ${conversations} where ${mine(ctx, conversations)} and contact_id in (${place(word)})`,
  ),
];
