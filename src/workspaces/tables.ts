import { integer, pgTable, text } from "drizzle-orm/pg-core";
import type { Plan } from "../core/pricing.ts";
import { id, instant } from "../db/columns.ts";

export type WhatsappTemplates = "anytime" | "open_window_only";

export const workspaces = pgTable("workspaces", {
  id: id("ws").primaryKey(),
  name: text().notNull(),
  api_rate_limit_per_minute: integer().notNull().default(600),
  /** How long events and their deliveries are kept. */
  event_retention_days: integer().notNull().default(30),
  /** Whether templates may be sent at any time, as WhatsApp allows, or only while a contact's window is open. */
  whatsapp_templates: text().$type<WhatsappTemplates>().notNull().default("anytime"),
  plan: text().$type<Plan>().notNull().default("starter"),
  created_at: instant().notNull(),
  updated_at: instant().notNull(),
});
