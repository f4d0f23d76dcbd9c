import { sql } from "drizzle-orm";
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { channels } from "../channels/tables.ts";
import type { ChannelKind } from "../channels/contract.ts";
import { contacts } from "../contacts/tables.ts";
import { id, instant } from "../db/columns.ts";
import type { Author } from "../team/contract.ts";
import { members } from "../team/tables.ts";
import type { ClosedBy, ConversationStatus, HandlerMode, Priority } from "./contract.ts";

export const conversations = pgTable(
  "conversations",
  {
    workspace_id: id("ws").notNull(),
    id: id("conv").notNull(),
    channel: text().$type<ChannelKind>().notNull(),
    channel_id: id("chan").notNull(),
    contact_id: id("cont").notNull(),
    /** The address it was opened to by name. Once the contact writes, answers go where they wrote from. */
    address_id: uuid(),
    status: text().$type<ConversationStatus>().notNull().default("open"),
    handler_mode: text().$type<HandlerMode>().notNull().default("unassigned"),
    priority: text().$type<Priority>().notNull().default("normal"),
    assignee_id: id("mem"),
    tags: text().array().notNull().default([]),
    subject: text(),
    message_count: integer().notNull().default(0),
    last_message_preview: text(),
    last_message_at: instant().notNull(),
    first_inbound_at: instant(),
    last_inbound_at: instant(),
    first_response_at: instant(),
    /** When it was last opened again, or taken up after it waited: the silence is counted from there. */
    resumed_at: instant(),
    closed_at: instant(),
    closed_by: text().$type<ClosedBy>(),
    /** Written by the tickets: every reading of a conversation shows them. */
    ticket_ids: id("tkt").array().notNull().default([]),
    /** When the AI last gave it to a person. */
    handed_over_at: instant(),
    metadata: jsonb().$type<Record<string, string>>().notNull().default({}),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    foreignKey({ columns: [t.workspace_id, t.channel_id], foreignColumns: [channels.workspace_id, channels.id] }),
    foreignKey({ columns: [t.workspace_id, t.contact_id], foreignColumns: [contacts.workspace_id, contacts.id] }),
    foreignKey({ columns: [t.workspace_id, t.assignee_id], foreignColumns: [members.workspace_id, members.id] }),
    // One conversation at a time with a contact on a channel; a call is a conversation of its own.
    uniqueIndex("conversations_one_open")
      .on(t.workspace_id, t.channel_id, t.contact_id)
      .where(sql`status in ('open', 'pending') and channel <> 'twilio_voice'`),
    index().on(t.workspace_id, t.last_message_at, t.id),
    index().on(t.workspace_id, t.status, t.last_message_at, t.id),
    index().on(t.workspace_id, t.contact_id, t.last_message_at, t.id),
    index().on(t.workspace_id, t.updated_at, t.id),
    // A row is in one of the two. The second has what the first would need a sort for: no order holds behind `is null`.
    index("conversations_assigned")
      .on(t.workspace_id, t.assignee_id, t.last_message_at, t.id)
      .where(sql`assignee_id is not null`),
    index("conversations_unassigned")
      .on(t.workspace_id, t.last_message_at, t.id)
      .where(sql`assignee_id is null`),
    // Those that the inactivity timer closes, the longest silent first.
    index("conversations_silent")
      .on(t.workspace_id, sql`greatest(last_message_at, resumed_at)`, t.id)
      .where(sql`status = 'open' and channel <> 'twilio_voice'`),
    index("conversations_document")
      .using("gin", sql`search_document(workspace_id, subject)`)
      .where(sql`subject is not null`),
  ],
);

/** Who had a conversation, and who gave it to whom. */
export const conversation_assignments = pgTable(
  "conversation_assignments",
  {
    workspace_id: id("ws").notNull(),
    id: id("asg").notNull(),
    conversation_id: id("conv").notNull(),
    from_id: id("mem"),
    to_id: id("mem"),
    assigned_by: jsonb().$type<Author>().notNull(),
    created_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    foreignKey({ columns: [t.workspace_id, t.conversation_id], foreignColumns: [conversations.workspace_id, conversations.id] }),
    foreignKey({ columns: [t.workspace_id, t.from_id], foreignColumns: [members.workspace_id, members.id] }),
    foreignKey({ columns: [t.workspace_id, t.to_id], foreignColumns: [members.workspace_id, members.id] }),
    index().on(t.workspace_id, t.conversation_id, t.id),
  ],
);
