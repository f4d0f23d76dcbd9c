import { index, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { Actor } from "../core/context.ts";
import { id, instant } from "../db/columns.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { AuditedAction } from "./contract.ts";

/** Written once: the migration has the database refuse to change a row, or to take one away. Nothing sweeps it. */
export const audit_log = pgTable(
  "audit_log",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("aud").notNull(),
    actor_type: text().$type<Actor["type"]>().notNull(),
    actor_id: text(),
    actor_name: text().notNull(),
    action: text().$type<AuditedAction>().notNull(),
    target_id: text(),
    details: jsonb().$type<Record<string, unknown>>().notNull(),
    request_id: text().notNull(),
    created_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    index().on(t.workspace_id, t.created_at, t.id),
    index().on(t.workspace_id, t.action, t.id),
    index().on(t.workspace_id, t.actor_id, t.id),
    index().on(t.workspace_id, t.target_id, t.id),
  ],
);
