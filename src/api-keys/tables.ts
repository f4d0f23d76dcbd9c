import { foreignKey, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { Scope } from "../core/context.ts";
import { id, instant } from "../db/columns.ts";
import type { Author } from "../team/contract.ts";
import { workspaces } from "../workspaces/tables.ts";

export const api_keys = pgTable(
  "api_keys",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("key").notNull(),
    name: text().notNull(),
    /** The first eight random characters: enough to tell keys apart, useless to a thief. */
    prefix: text().notNull(),
    scopes: text().array().$type<Scope[]>().notNull(),
    rate_limit_per_minute: integer().notNull().default(120),
    created_at: instant().notNull(),
    /** Null for keys that are older than this column. */
    created_by: jsonb().$type<Author>(),
    expires_at: instant(),
    revoked_at: instant(),
    /** To the minute: written in batches, never while a request waits. */
    last_used_at: instant(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.id] })],
);

/** Finds the key before its tenant is known. Holds nothing but the SHA-256 of the secret. */
export const api_key_digests = pgTable(
  "api_key_digests",
  {
    digest: text().primaryKey(),
    workspace_id: id("ws").notNull(),
    api_key_id: id("key").notNull(),
  },
  (t) => [foreignKey({ columns: [t.workspace_id, t.api_key_id], foreignColumns: [api_keys.workspace_id, api_keys.id] })],
);
