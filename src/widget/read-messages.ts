import { and, lte } from "drizzle-orm";
import { atomically } from "../db/atomically.ts";
import { markTaken } from "../messages/mark-taken.ts";
import { messages } from "../messages/tables.ts";
import type { ReadMessages } from "./contract.ts";
import type { Widget } from "./find-widget.ts";
import { threadOf } from "./thread.ts";
import { contactOf, type Visitor } from "./visitor.ts";

/** The visitor has seen everything up to this message: so much of it as the business wrote is read. */
export async function readMessages(widget: Widget, visitor: Visitor, { message_id }: ReadMessages) {
  const thread = threadOf(widget, await contactOf(widget, visitor));
  await atomically(widget.ctx, (tx) => markTaken(tx, "read", and(thread, lte(messages.id, message_id))!));
  return { object: "read_receipt" as const, message_id };
}
