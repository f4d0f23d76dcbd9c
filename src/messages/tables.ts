import { sql } from "drizzle-orm";
import { boolean, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import type { ChannelKind, Content } from "../channels/contract.ts";
import { credits, id, instant, transactionId } from "../db/columns.ts";
import type { Direction, MessageError, Sender, StoredMessageStatus } from "./contract.ts";
import { conversations } from "../conversations/tables.ts";

export const messages = pgTable(
  "messages",
  {
    workspace_id: id("ws").notNull(),
    id: id("msg").notNull(),
    conversation_id: id("conv").notNull(),
    contact_id: id("cont").notNull(),
    /** The address that its sender named: it goes there or nowhere. Of a call: whom it is with. */
    address_id: uuid(),
    channel: text().$type<ChannelKind>().notNull(),
    channel_id: id("chan").notNull(),
    direction: text().$type<Direction>().notNull(),
    sender: jsonb().$type<Sender>().notNull(),
    content: jsonb().$type<Content>().notNull(),
    status: text().$type<StoredMessageStatus>().notNull(),
    error: jsonb().$type<MessageError>(),
    external_id: text(),
    /** By which the provider knew attempts before this one: what is told of them is not told of this. */
    past_external_ids: text().array().notNull().default([]),
    client_reference: text(),
    /** What it cost. Why, says the ledger. */
    credits: credits().notNull().default(0),
    metadata: jsonb().$type<Record<string, string>>().notNull().default({}),
    /** Its sender says that a person wrote it, which Meta lets through for longer. */
    human_agent: boolean().notNull().default(false),
    /** By the provider's clock, when its writer last changed or withdrew what it says. */
    revised_at: instant(),
    sent_at: instant(),
    delivered_at: instant(),
    read_at: instant(),
    failed_at: instant(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
    due_at: instant(),
    attempts: integer().notNull().default(0),
    lease_id: uuid(),
    lease_until: instant(),
    xid: transactionId(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    foreignKey({ columns: [t.workspace_id, t.conversation_id], foreignColumns: [conversations.workspace_id, conversations.id] }),
    index().on(t.workspace_id, t.conversation_id, t.id),
    index().on(t.workspace_id, t.contact_id, t.id),
    index().on(t.workspace_id, t.updated_at, t.id),
    // The feed: in the order in which transactions ended, so that none is missed.
    index().on(t.workspace_id, t.xid, t.id),
    // A provider's message is stored once, however often and in whatever order we hear of it.
    uniqueIndex("messages_external_id")
      .on(t.workspace_id, t.channel_id, t.external_id)
      .where(sql`external_id is not null`),
    index("messages_ready")
      .on(t.workspace_id, t.channel_id, t.due_at, t.id)
      .where(sql`status = 'queued'`),
    // What of a conversation is still to be sent: each waits for those before it.
    index("messages_unsent")
      .on(t.workspace_id, t.conversation_id, t.id)
      .where(sql`status in ('queued', 'scheduled', 'sending')`),
    // What needs somebody to look at it. A message that ends well is never in it.
    index("messages_by_status")
      .on(t.workspace_id, t.status, t.id)
      .where(sql`status in ('failed', 'unknown')`),
    index("messages_scheduled")
      .on(t.due_at)
      .where(sql`status = 'scheduled'`),
    index("messages_leased")
      .on(t.workspace_id, t.channel_id, t.lease_until)
      .where(sql`status = 'sending'`),
    index("messages_leases")
      .on(t.lease_until)
      .where(sql`status = 'sending'`),
  ],
);
