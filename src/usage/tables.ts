import { sql } from "drizzle-orm";
import { bigint, index, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { ChannelKind } from "../channels/contract.ts";
import type { Metric, PricedMetric } from "../core/pricing.ts";
import { credits, id, instant, transactionId } from "../db/columns.ts";

/**
 * What was charged, written with what it is for and never changed. It refers to no other row: a reference to the
 * workspace would have every message lock that one row, and what was charged outlives what it was for.
 */
export const ledger_entries = pgTable(
  "ledger_entries",
  {
    workspace_id: id("ws").notNull(),
    id: id("led").notNull(),
    metric: text().$type<PricedMetric>().notNull(),
    quantity: integer().notNull(),
    credits: credits().notNull(),
    channel: text().$type<ChannelKind>(),
    channel_id: id("chan"),
    conversation_id: id("conv"),
    message_id: id("msg"),
    /** The key whose request caused it. */
    api_key_id: id("key"),
    xid: transactionId(),
    created_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    // By transactions, for what is not added up yet is what was written since.
    index().on(t.workspace_id, t.xid),
    index("ledger_entries_of_conversation")
      .on(t.workspace_id, t.conversation_id, t.id)
      .where(sql`conversation_id is not null`),
  ],
);

const nobody = sql`'00000000-0000-0000-0000-000000000000'`;

/**
 * The ledger up to `usage_marks`, added up by quarters of an hour: days begin at one in every time zone. The free
 * metrics have no ledger and are only here.
 */
export const usage_quarter_hours = pgTable(
  "usage_quarter_hours",
  {
    workspace_id: id("ws").notNull(),
    starts_at: instant().notNull(),
    metric: text().$type<Metric>().notNull(),
    /** Without one: the id of zeros, for a key of a table cannot be null. */
    channel_id: id("chan").notNull().default(nobody),
    api_key_id: id("key").notNull().default(nobody),
    channel: text().$type<ChannelKind>(),
    quantity: bigint({ mode: "number" }).notNull(),
    credits: credits().notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.starts_at, t.metric, t.channel_id, t.api_key_id] })],
);

/** The conversations in which something was said to the contact in a quarter of an hour, up to the same mark. */
export const handled_quarter_hours = pgTable(
  "handled_quarter_hours",
  {
    workspace_id: id("ws").notNull(),
    starts_at: instant().notNull(),
    conversation_id: id("conv").notNull(),
    channel: text().$type<ChannelKind>().notNull(),
    channel_id: id("chan").notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.starts_at, t.conversation_id] })],
);

/** How far a workspace's ledger is added up: through this transaction, and everything before it. */
export const usage_marks = pgTable("usage_marks", {
  workspace_id: id("ws").primaryKey(),
  summed_through: transactionId().default(sql`'0'`),
});
