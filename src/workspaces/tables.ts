import { integer, pgTable, text } from "drizzle-orm/pg-core";
import type { Plan } from "../core/pricing.ts";
import { id, instant } from "../db/columns.ts";

export const workspaces = pgTable("workspaces", {
  id: id("ws").primaryKey(),
  name: text().notNull(),
  api_rate_limit_per_minute: integer().notNull().default(600),
  /** How long events and their deliveries are kept. */
  event_retention_days: integer().notNull().default(30),
  plan: text().$type<Plan>().notNull().default("starter"),
  created_at: instant().notNull(),
  updated_at: instant().notNull(),
});
