import { index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { id, instant } from "../db/columns.ts";
import { workspaces } from "../workspaces/tables.ts";

/** What was answered to a key, for 24 hours: written in the transaction of the effect, so never without it. */
export const idempotent_answers = pgTable(
  "idempotent_answers",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    /** SHA-256 of actor, method, concrete path and key. */
    digest: text().notNull(),
    /** SHA-256 of the input: another one under the same key is refused. */
    input_digest: text().notNull(),
    /** The output, sealed: it may hold a secret that is shown once. */
    answer: text().notNull(),
    created_at: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.digest] }), index().on(t.created_at)],
);
