import { index, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { Actor } from "../core/context.ts";
import { id, instant } from "../db/columns.ts";
import { workspaces } from "../workspaces/tables.ts";

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
    action: text().notNull(),
    target_id: text(),
    details: jsonb().$type<Record<string, unknown>>().notNull(),
    request_id: text().notNull(),
    created_at: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.id] }), index().on(t.workspace_id, t.created_at, t.id)],
);
