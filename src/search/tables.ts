import { customType, index, pgTable, primaryKey } from "drizzle-orm/pg-core";
import { id } from "../db/columns.ts";

const tsvector = customType<{ data: string; driverData: string }>({ dataType: () => "tsvector" });

/**
 * What is said in messages, word by word. Beside them, because a message's row is written again for each step of its
 * way and its words are not; kept by a trigger, so that whoever changes a message cannot forget it.
 */
export const message_words = pgTable(
  "message_words",
  {
    workspace_id: id("ws").notNull(),
    message_id: id("msg").notNull(),
    conversation_id: id("conv").notNull(),
    document: tsvector().notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.message_id] }), index("message_words_document").using("gin", t.document)],
);
