import { jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import type { TemplateComponent } from "../channels/providers/template.ts";
import { id, instant } from "../db/columns.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { ParameterFormat } from "./contract.ts";

/** Templates as their provider has them. Those that it has no longer stay, as `DELETED`: messages were sent by them. */
export const message_templates = pgTable(
  "message_templates",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("tmpl").notNull(),
    /** The account at the provider that owns it. Several channels may share one. */
    account_id: text().notNull(),
    /** The provider's id of it. */
    external_id: text().notNull(),
    name: text().notNull(),
    language: text().notNull(),
    /** The provider's words, of which there are new ones every year. */
    category: text(),
    status: text().notNull(),
    quality: text(),
    rejected_reason: text(),
    parameter_format: text().$type<ParameterFormat>().notNull(),
    components: jsonb().$type<TemplateComponent[]>().notNull(),
    /** As of when this is known: what was asked for earlier and comes later changes nothing. */
    synced_at: instant().notNull(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.id] }),
    uniqueIndex("message_templates_name").on(t.workspace_id, t.account_id, t.name, t.language),
  ],
);
