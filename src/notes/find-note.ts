import { eq } from "drizzle-orm";
import { conversations } from "../conversations/tables.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { findMine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import { tickets } from "../tickets/tables.ts";
import type { ListConversationNotes, ListTicketNotes, NoteRef } from "./contract.ts";
import { presentNote } from "./present.ts";
import { notes } from "./tables.ts";

/** A conversation's notes, the newest first. */
export async function listConversationNotes(ctx: Ctx, input: ListConversationNotes) {
  await findMine(ctx, conversations, input.conversation_id);
  const filters = eq(notes.conversation_id, input.conversation_id);
  return readPage(ctx, notes, { name: "conversation notes", filters: input }, input, filters, presentNote);
}

/** A ticket's notes, the newest first. */
export async function listTicketNotes(ctx: Ctx, input: ListTicketNotes) {
  await findMine(ctx, tickets, input.ticket_id);
  const filters = eq(notes.ticket_id, input.ticket_id);
  return readPage(ctx, notes, { name: "ticket notes", filters: input }, input, filters, presentNote);
}

/** One note. */
export const findNote = async (ctx: Ctx, { note_id }: NoteRef) => presentNote(await findMine(ctx, notes, note_id));

/** The same, held until the transaction ends. */
export const lockNote = async (ctx: TxCtx, { note_id }: NoteRef) => presentNote(await findMine(ctx, notes, note_id, { lock: "update" }));
