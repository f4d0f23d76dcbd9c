import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { findMine, mine } from "../db/mine.ts";
import type { NoteRef } from "./contract.ts";
import { notes } from "./tables.ts";

/** Erases a note. That there was one, and who erased it, is in the audit log; what it said is not. */
export async function deleteNote(ctx: TxCtx, { note_id }: NoteRef) {
  const { id, conversation_id, ticket_id } = await findMine(ctx, notes, note_id, { lock: "update" });
  await ctx.db.delete(notes).where(and(mine(ctx, notes), eq(notes.id, id)));
  await record(ctx, "note.deleted", id, { conversation_id, ticket_id });
  return { id, object: "note" as const, deleted: true as const };
}
