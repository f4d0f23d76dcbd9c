import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { id, instant } from "../db/columns.ts";

export const workspaces = pgTable("workspaces", {
  id: id("ws").primaryKey(),
  name: text().notNull(),
  api_rate_limit_per_minute: integer().notNull().default(600),
  created_at: instant().notNull(),
  updated_at: instant().notNull(),
});
