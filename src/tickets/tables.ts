import { sql } from "drizzle-orm";
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { contacts } from "../contacts/tables.ts";
import type { Priority } from "../conversations/contract.ts";
import { conversations } from "../conversations/tables.ts";
import { id, instant } from "../db/columns.ts";
import type { Author } from "../team/contract.ts";
import { members } from "../team/tables.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { TicketStatus } from "./contract.ts";

export const tickets = pgTable(
  "tickets",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("tkt").notNull(),
    number: integer().notNull(),
    subject: text().notNull(),
    description: text(),
    status: text().$type<TicketStatus>().notNull().default("open"),
    priority: text().$type<Priority>().notNull().default("normal"),
    assignee_id: id("mem"),
    conversation_id: id("conv"),
    contact_id: id("cont"),
    tags: text().array().notNull().default([]),
    metadata: jsonb().$type<Record<string, string>>().notNull().default({}),
    created_by: jsonb().$type<Author>().notNull(),
    resolved_at: instant(),
    closed_at: instant(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    foreignKey({ columns: [t.workspace_id, t.assignee_id], foreignColumns: [members.workspace_id, members.id] }),
    foreignKey({ columns: [t.workspace_id, t.conversation_id], foreignColumns: [conversations.workspace_id, conversations.id] }),
    foreignKey({ columns: [t.workspace_id, t.contact_id], foreignColumns: [contacts.workspace_id, contacts.id] }),
    uniqueIndex("tickets_number").on(t.workspace_id, t.number),
    index().on(t.workspace_id, t.updated_at, t.id),
    index().on(t.workspace_id, t.status, t.id),
    index("tickets_assigned")
      .on(t.workspace_id, t.assignee_id, t.id)
      .where(sql`assignee_id is not null`),
    index("tickets_unassigned")
      .on(t.workspace_id, t.id)
      .where(sql`assignee_id is null`),
    index("tickets_document").using(
      "gin",
      sql`search_document(workspace_id, number::text || ' ' || subject || ' ' || coalesce(description, ''))`,
    ),
    index("tickets_of_conversation")
      .on(t.workspace_id, t.conversation_id, t.id)
      .where(sql`conversation_id is not null`),
    index("tickets_of_contact")
      .on(t.workspace_id, t.contact_id, t.id)
      .where(sql`contact_id is not null`),
  ],
);

/** The last number that was given. Its row is held until the ticket is committed, so that a rollback gives it back. */
export const ticket_numbers = pgTable("ticket_numbers", {
  workspace_id: id("ws")
    .primaryKey()
    .references(() => workspaces.id),
  last_number: integer().notNull(),
});
