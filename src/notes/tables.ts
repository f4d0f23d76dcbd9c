import { sql } from "drizzle-orm";
import { check, foreignKey, index, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { conversations } from "../conversations/tables.ts";
import { id, instant } from "../db/columns.ts";
import type { Author } from "../team/contract.ts";
import { tickets } from "../tickets/tables.ts";

/** A table of their own: nothing that reads messages, for a customer or a provider, could come upon one. */
export const notes = pgTable(
  "notes",
  {
    workspace_id: id("ws").notNull(),
    id: id("note").notNull(),
    conversation_id: id("conv"),
    ticket_id: id("tkt"),
    text: text().notNull(),
    author: jsonb().$type<Author>().notNull(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    foreignKey({ columns: [t.workspace_id, t.conversation_id], foreignColumns: [conversations.workspace_id, conversations.id] }),
    foreignKey({ columns: [t.workspace_id, t.ticket_id], foreignColumns: [tickets.workspace_id, tickets.id] }),
    check("notes_one_subject", sql`num_nonnulls(conversation_id, ticket_id) = 1`),
    index("notes_of_conversation")
      .on(t.workspace_id, t.conversation_id, t.id)
      .where(sql`conversation_id is not null`),
    index("notes_of_ticket")
      .on(t.workspace_id, t.ticket_id, t.id)
      .where(sql`ticket_id is not null`),
  ],
);
