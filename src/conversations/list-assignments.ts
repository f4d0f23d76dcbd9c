import { eq } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { findMine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import type { ListAssignments } from "./contract.ts";
import { conversation_assignments, conversations } from "./tables.ts";

/** Who had a conversation, the newest first. */
export async function listAssignments(ctx: Ctx, input: ListAssignments) {
  const listing: Listing = { name: "conversation assignments", filters: input };
  await findMine(ctx, conversations, input.conversation_id);
  const filters = eq(conversation_assignments.conversation_id, input.conversation_id);
  return readPage(ctx, conversation_assignments, listing, input, filters, (row) => ({ ...row, object: "assignment" as const }));
}
