import { sql } from "drizzle-orm";
import { boolean, index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import type { HandlerMode } from "../conversations/contract.ts";
import type { Plan } from "../core/pricing.ts";
import { id, instant } from "../db/columns.ts";
import type { AgentSettings, WhatsappTemplates } from "./contract.ts";

export const workspaces = pgTable(
  "workspaces",
  {
    id: id("ws").primaryKey(),
    name: text().notNull(),
    timezone: text().notNull().default("UTC"),
    /** After how long a silence a conversation is closed; null: never. */
    inactivity_timeout_minutes: integer(),
    default_handler_mode: text().$type<HandlerMode>().notNull().default("unassigned"),
    sentiment_enabled: boolean().notNull().default(true),
    api_rate_limit_per_minute: integer().notNull().default(600),
    /** How long events and their deliveries are kept. */
    event_retention_days: integer().notNull().default(30),
    /** Whether templates may be sent at any time, as WhatsApp allows, or only while a contact's window is open. */
    whatsapp_templates: text().$type<WhatsappTemplates>().notNull().default("anytime"),
    agent: jsonb().$type<AgentSettings>().notNull().default({ name: "Assistant", instructions: null, language: null }),
    plan: text().$type<Plan>().notNull().default("starter"),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  // Those whose silent conversations are looked for.
  (t) => [
    index("workspaces_timed")
      .on(t.id)
      .where(sql`inactivity_timeout_minutes is not null`),
  ],
);
