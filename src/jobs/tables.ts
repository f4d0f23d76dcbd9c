import { sql } from "drizzle-orm";
import { index, integer, jsonb, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { id, instant, transactionId } from "../db/columns.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { JobKind, StoredJobStatus } from "./contract.ts";

/** Work that is too much for one request. The row is the queue, and the progress: a crash loses at most a step. */
export const jobs = pgTable(
  "jobs",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("job").notNull(),
    kind: text().$type<JobKind>().notNull(),
    /** What was asked for, by the contract of the kind. */
    input: jsonb().$type<Record<string, unknown>>().notNull(),
    status: text().$type<StoredJobStatus>().notNull(),
    /** The last thing that is done; null before the first. */
    position: text(),
    processed: integer().notNull().default(0),
    /** Null until it is known. */
    total: integer(),
    error: text(),
    /** Tells which transactions were running when it was asked for. */
    xid: transactionId(),
    due_at: instant().notNull(),
    attempts: integer().notNull().default(0),
    lease_id: uuid(),
    lease_until: instant(),
    completed_at: instant(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    index("jobs_ready")
      .on(t.workspace_id, t.id, t.due_at)
      .where(sql`status = 'ready'`),
    index("jobs_scheduled")
      .on(t.due_at)
      .where(sql`status = 'scheduled'`),
    index("jobs_leased")
      .on(t.workspace_id, t.id)
      .where(sql`status = 'running'`),
    index("jobs_leases")
      .on(t.lease_until)
      .where(sql`status = 'running'`),
  ],
);
