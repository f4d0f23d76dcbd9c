import { and, eq } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { findMine, mine } from "../db/mine.ts";
import type { UpdateNote } from "./contract.ts";
import { presentNote } from "./present.ts";
import { notes } from "./tables.ts";

/** Words a note otherwise; its author stays who wrote it first. */
export async function updateNote(ctx: TxCtx, { note_id, text }: UpdateNote) {
  const note = await findMine(ctx, notes, note_id, { lock: "update" });
  if (note.text === text) return presentNote(note);
  const [updated] = await ctx.db
    .update(notes)
    .set({ text, updated_at: ctx.now() })
    .where(and(mine(ctx, notes), eq(notes.id, note_id)))
    .returning();
  return presentNote(updated!);
}
