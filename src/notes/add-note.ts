import { conversations } from "../conversations/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { findMine } from "../db/mine.ts";
import { authorOf } from "../team/author.ts";
import { tickets } from "../tickets/tables.ts";
import type { AddConversationNote, AddTicketNote, Note } from "./contract.ts";
import { presentNote, type NoteRow } from "./present.ts";
import { notes } from "./tables.ts";

/** Writes a note in a conversation, open or closed. Nobody is told. */
export async function addConversationNote(ctx: TxCtx, { conversation_id, text }: AddConversationNote) {
  await findMine(ctx, conversations, conversation_id);
  return add(ctx, { conversation_id, ticket_id: null }, text);
}

/** Writes a note on a ticket. */
export async function addTicketNote(ctx: TxCtx, { ticket_id, text }: AddTicketNote) {
  await findMine(ctx, tickets, ticket_id);
  return add(ctx, { conversation_id: null, ticket_id }, text);
}

async function add(ctx: TxCtx, subject: Pick<NoteRow, "conversation_id" | "ticket_id">, text: string): Promise<Note> {
  const now = ctx.now();
  const { workspace_id } = ctx;
  const [note] = await ctx.db
    .insert(notes)
    .values({ ...subject, workspace_id, id: ctx.newId("note"), text, author: authorOf(ctx.actor), created_at: now, updated_at: now })
    .returning();
  return presentNote(note!);
}
