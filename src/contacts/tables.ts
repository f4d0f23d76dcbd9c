import { sql } from "drizzle-orm";
import { foreignKey, index, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { id, instant } from "../db/columns.ts";
import type { Identity } from "../channels/contract.ts";
import { channels } from "../channels/tables.ts";
import { workspaces } from "../workspaces/tables.ts";

export const contacts = pgTable(
  "contacts",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("cont").notNull(),
    /** The client's own id of it. */
    external_id: text(),
    name: text(),
    metadata: jsonb().$type<Record<string, string>>().notNull().default({}),
    deleted_at: instant(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    uniqueIndex("contacts_external_id").on(t.workspace_id, t.external_id),
    index("contacts_document").using("gin", sql`search_document(workspace_id, coalesce(name, '') || ' ' || coalesce(external_id, ''))`),
  ],
);

/** A contact is a set of identities: one person's phone number, WhatsApp user id, page-scoped id … */
export const contact_identities = pgTable(
  "contact_identities",
  {
    workspace_id: id("ws").notNull(),
    kind: text().$type<Identity["kind"]>().notNull(),
    value: text().notNull(),
    contact_id: id("cont").notNull(),
    /** All that a message remembers of where it goes: it says nothing of the person once they are erased. */
    address_id: uuid().notNull().defaultRandom(),
    /** The same address, as a provider spells it: that `address_id`. */
    spelling_of: uuid(),
    created_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.kind, t.value] }),
    foreignKey({ columns: [t.workspace_id, t.contact_id], foreignColumns: [contacts.workspace_id, contacts.id] }),
    index().on(t.workspace_id, t.contact_id),
    index("contact_identities_document").using("gin", sql`search_document(workspace_id, value)`),
  ],
);

/**
 * What a person was called until they were called otherwise: what they said before may be told after. For as long as
 * providers tell late.
 */
export const contact_renamings = pgTable(
  "contact_renamings",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    kind: text().$type<Identity["kind"]>().notNull(),
    previous: text().notNull(),
    /** By the provider's clock. A number may be given up by several, one after another. */
    renamed_at: instant().notNull(),
    /** As they are called by now, however many names they had in between. */
    current: text().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.kind, t.previous, t.renamed_at] }),
    index().on(t.workspace_id, t.kind, t.current),
    index().on(t.renamed_at),
  ],
);

/** Up to when a person has received and read what a channel sent them. By their name there: the report may come before the contact. */
export const contact_watermarks = pgTable(
  "contact_watermarks",
  {
    workspace_id: id("ws").notNull(),
    channel_id: id("chan").notNull(),
    kind: text().$type<Identity["kind"]>().notNull(),
    value: text().notNull(),
    delivered_until: instant(),
    read_until: instant(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.channel_id, t.kind, t.value] }),
    foreignKey({ columns: [t.workspace_id, t.channel_id], foreignColumns: [channels.workspace_id, channels.id] }),
  ],
);

/**
 * What an address does on a channel: what Meta's 24-hour window hangs on, and whether its owner wants to hear from the
 * business. It is the address's own, whoever is known by it.
 */
export const contact_addresses = pgTable(
  "contact_addresses",
  {
    workspace_id: id("ws").notNull(),
    kind: text().$type<Identity["kind"]>().notNull(),
    value: text().notNull(),
    channel_id: id("chan").notNull(),
    /** By the provider's clock. */
    last_inbound_at: instant().notNull(),
    /** They asked for no more messages here. */
    opted_out_at: instant(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.kind, t.value, t.channel_id] }),
    foreignKey({ columns: [t.workspace_id, t.channel_id], foreignColumns: [channels.workspace_id, channels.id] }),
  ],
);
