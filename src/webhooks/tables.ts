import { sql } from "drizzle-orm";
import { boolean, foreignKey, index, integer, json, pgTable, primaryKey, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import type { ChannelKind } from "../channels/contract.ts";
import type { AttemptError } from "../core/poster.ts";
import { id, instant, transactionId } from "../db/columns.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { DisabledReason, EventName, StoredDeliveryStatus, Trigger } from "./contract.ts";

export const webhook_endpoints = pgTable(
  "webhook_endpoints",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("whe").notNull(),
    url: text().notNull(),
    name: text(),
    event_types: text().array().$type<EventName[]>().notNull(),
    /** Null means all of them. */
    channels: text().array().$type<ChannelKind[]>(),
    enabled: boolean().notNull().default(true),
    disabled_reason: text().$type<DisabledReason>(),
    delivery_id_header: boolean().notNull().default(true),
    /** The receiver's own headers as JSON, sealed: they may hold its credentials. */
    sealed_headers: text(),
    failing_since: instant(),
    /** How often it has gone out of service. A delivery of an earlier term is canceled, though it may be a while until it says so. */
    term: integer().notNull().default(0),
    /** It works again after an outage, and retries that wait for it are still to be brought forward. */
    recovered_at: instant(),
    /** When to look at what waits for it: some of it may be of an earlier term, or is to be brought forward. */
    tend_at: instant(),
    deleted_at: instant(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    // Nearly always empty.
    index("webhook_endpoints_tended")
      .on(t.tend_at)
      .where(sql`tend_at is not null`),
  ],
);

/** What happened, as the exact text that goes over the wire: JSONB would reorder its keys. */
export const events = pgTable(
  "events",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("evt").notNull(),
    type: text().$type<EventName>().notNull(),
    channel: text().$type<ChannelKind>().notNull(),
    conversation_id: id("conv"),
    payload: text().notNull(),
    /** An example that somebody asked to be sent: it did not happen, so no feed and no replay has it. */
    is_test: boolean().notNull().default(false),
    xid: transactionId(),
    created_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    index().on(t.workspace_id, t.xid, t.id),
    index("events_of_conversation")
      .on(t.workspace_id, t.conversation_id, t.xid, t.id)
      .where(sql`conversation_id is not null`),
  ],
);

/** One event for one endpoint. The row is the queue: it is written in the transaction that caused the event. */
export const webhook_deliveries = pgTable(
  "webhook_deliveries",
  {
    workspace_id: id("ws").notNull(),
    id: id("dlv").notNull(),
    endpoint_id: id("whe").notNull(),
    event_id: id("evt").notNull(),
    event_type: text().$type<EventName>().notNull(),
    conversation_id: id("conv"),
    status: text().$type<StoredDeliveryStatus>().notNull(),
    attempts: integer().notNull().default(0),
    trigger: text().$type<Trigger>().notNull().default("automatic"),
    /** Where a replay that fails goes back to; null where the schedule decides. */
    resting_status: text().$type<StoredDeliveryStatus>(),
    due_at: instant().notNull(),
    /** The endpoint's when it was written, or last replayed. */
    term: integer().notNull().default(0),
    /** What the receiver asked for by `Retry-After`: nothing brings the attempt further forward. */
    not_before: instant(),
    /** When its attempt was due before it was brought forward: which is done once for each step of the schedule. */
    hurried_from: instant(),
    /** Those that were brought forward and failed. They took no step of the schedule. */
    extra_attempts: integer().notNull().default(0),
    lease_id: uuid(),
    lease_until: instant(),
    last_status_code: integer(),
    last_error: text().$type<AttemptError>(),
    last_attempt_at: instant(),
    completed_at: instant(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    foreignKey({ columns: [t.workspace_id, t.endpoint_id], foreignColumns: [webhook_endpoints.workspace_id, webhook_endpoints.id] }),
    foreignKey({ columns: [t.workspace_id, t.event_id], foreignColumns: [events.workspace_id, events.id] }),
    // Those that were never tried, then the others: half of each claim is kept for the former.
    index("webhook_deliveries_ready")
      .on(t.workspace_id, t.endpoint_id, sql`least(attempts, 1)`, t.due_at, t.id)
      .where(sql`status = 'ready'`),
    // Of all endpoints, for a search by a range of time (`revive`). One by an endpoint names no range, and so is never planned
    // with this index, which looks as good as the next one while both are empty.
    index("webhook_deliveries_scheduled")
      .on(t.due_at)
      .where(sql`status = 'scheduled' and due_at > '-infinity'`),
    // By term what is canceled with its endpoint, and within it what can still be brought forward.
    index("webhook_deliveries_waiting")
      .on(t.workspace_id, t.endpoint_id, t.term, sql`(hurried_from is null)`, t.due_at)
      .where(sql`status = 'scheduled'`),
    // As small as what is on the wire, so that dead leases are found in it too.
    index("webhook_deliveries_leased")
      .on(t.workspace_id, t.endpoint_id, t.lease_until)
      .where(sql`status = 'delivering'`),
    index("webhook_deliveries_by_endpoint").on(t.workspace_id, t.endpoint_id, t.id),
    // What ended badly or waits for its next attempt. A delivery that succeeds at once is never in it.
    index("webhook_deliveries_by_status")
      .on(t.workspace_id, t.status, t.id)
      .where(sql`status in ('scheduled', 'failed', 'canceled')`),
    // One delivery for each event and endpoint, whoever finds that it is missing.
    uniqueIndex("webhook_deliveries_by_event").on(t.workspace_id, t.event_id, t.endpoint_id),
  ],
);

/**
 * Written from the rows that a settlement has just changed, and deleted with them: so there is no foreign key, whose
 * check would be a quarter of what a settlement costs, and no index but the one by which they are read.
 */
export const webhook_attempts = pgTable(
  "webhook_attempts",
  {
    workspace_id: id("ws").notNull(),
    id: id("att").notNull(),
    delivery_id: id("dlv").notNull(),
    number: integer().notNull(),
    trigger: text().$type<Trigger>().notNull(),
    url: text().notNull(),
    status_code: integer(),
    error: text().$type<AttemptError>(),
    duration_ms: integer().notNull(),
    /** Nobody searches them: to read JSONB would be a sixth of what a settlement costs. */
    response_headers: json().$type<Record<string, string>>(),
    response_body: text(),
    remote_address: text(),
    created_at: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.delivery_id, t.number] })],
);

/** How an endpoint fared, hour by hour: added up when attempts are settled, so that its rate costs no look at the log. */
export const webhook_endpoint_hours = pgTable(
  "webhook_endpoint_hours",
  {
    workspace_id: id("ws").notNull(),
    endpoint_id: id("whe").notNull(),
    hour: instant().notNull(),
    succeeded: integer().notNull(),
    failed: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.endpoint_id, t.hour] }),
    foreignKey({ columns: [t.workspace_id, t.endpoint_id], foreignColumns: [webhook_endpoints.workspace_id, webhook_endpoints.id] }),
    index().on(t.hour),
  ],
);

/** The workspace's signing secrets: the highest version is the current one, the others sign until they expire. */
export const webhook_secrets = pgTable(
  "webhook_secrets",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    version: integer().notNull(),
    /** `whsec_…`, sealed. */
    sealed: text().notNull(),
    /** Its last four characters, to tell secrets apart. */
    hint: text().notNull(),
    created_at: instant().notNull(),
    expires_at: instant(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.version] })],
);
