import { sql } from "drizzle-orm";
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { id, instant } from "../db/columns.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { ChannelError, ChannelKind, ChannelStatus, ProviderName } from "./contract.ts";
import type { Held } from "./note-event.ts";

export const channels = pgTable(
  "channels",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("chan").notNull(),
    channel: text().$type<ChannelKind>().notNull(),
    /** Who carries it: the channel's own provider, or the sandbox. */
    provider: text().$type<ProviderName>().notNull(),
    name: text().notNull(),
    status: text().$type<ChannelStatus>().notNull().default("connected"),
    /** The channel's own address at its provider: a phone_number_id, a page id, a phone number. */
    account_id: text().notNull(),
    /** JSON of the provider's credentials, sealed. */
    credentials: text().notNull(),
    /** The names of those that are set. */
    credential_fields: text().array().notNull().default([]),
    /** The account at the provider whose templates can be sent; null where there are none. */
    template_account: text(),
    /** Why the provider does not take them, or the account. */
    error: jsonb().$type<ChannelError>(),
    verified_at: instant(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
    /** Its conversations stay, so the row does; its credentials are gone. */
    deleted_at: instant(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    index().on(t.workspace_id, t.provider, t.account_id),
    // What a provider tells of an account is told of one channel. Of another workspace's it is told by a URL of its own.
    uniqueIndex("channels_account")
      .on(t.workspace_id, t.provider, t.account_id)
      .where(sql`deleted_at is null and provider <> 'sandbox'`),
  ],
);

/** Finds the tenant of a channel that is named in a hook's URL. */
export const channel_routes = pgTable("channel_routes", { channel_id: id("chan").primaryKey(), workspace_id: id("ws").notNull() }, (t) => [
  foreignKey({ columns: [t.workspace_id, t.channel_id], foreignColumns: [channels.workspace_id, channels.id] }),
]);

/** When a channel's templates are to be fetched; the row is the queue. A channel without an account for them has none. */
export const template_syncs = pgTable(
  "template_syncs",
  {
    workspace_id: id("ws").notNull(),
    /** The channel's. */
    id: id("chan").notNull(),
    status: text().$type<"ready" | "scheduled" | "syncing">().notNull(),
    due_at: instant().notNull(),
    /** How often in succession it has failed. */
    attempts: integer().notNull().default(0),
    /** When it was last learnt, while they were fetched, that they are not as they were. */
    wanted_at: instant(),
    lease_id: uuid(),
    lease_until: instant(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    foreignKey({ columns: [t.workspace_id, t.id], foreignColumns: [channels.workspace_id, channels.id] }),
    index("template_syncs_ready")
      .on(t.workspace_id, t.id, t.due_at)
      .where(sql`status = 'ready'`),
    index("template_syncs_scheduled")
      .on(t.due_at)
      .where(sql`status = 'scheduled'`),
    index("template_syncs_leases")
      .on(t.lease_until)
      .where(sql`status = 'syncing'`),
  ],
);

/** Every event a provider sent, once: the dedupe key decides, in the transaction of the event's effect. */
export const provider_events = pgTable(
  "provider_events",
  {
    workspace_id: id("ws").notNull(),
    channel_id: id("chan").notNull(),
    dedupe_key: text().notNull(),
    kind: text().notNull(),
    /** The message or the call it speaks of, by the provider's id. */
    external_id: text(),
    /** `held`: told of a message before the message, or its id, was known; or of a call before its beginning. */
    outcome: text().$type<"applied" | "held" | "ignored">().notNull(),
    detail: text(),
    held: jsonb().$type<Held>(),
    /** The event as it came, as JSON text; null once the person was erased. */
    raw: text(),
    received_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.channel_id, t.dedupe_key] }),
    foreignKey({ columns: [t.workspace_id, t.channel_id], foreignColumns: [channels.workspace_id, channels.id] }),
    index()
      .on(t.workspace_id, t.channel_id, t.external_id)
      .where(sql`outcome = 'held'`),
    // What was told of a message, to be erased with the contact. A row is in one of the two.
    index("provider_events_told")
      .on(t.workspace_id, t.channel_id, t.external_id)
      .where(sql`outcome <> 'held' and external_id is not null`),
    index().on(t.workspace_id, t.received_at),
  ],
);
