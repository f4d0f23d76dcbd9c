import { z } from "zod";
import { ConversationRef } from "../conversations/contract.ts";
import { idField, listOf, pageInput, textField, Timestamp } from "../core/fields.ts";
import { Author } from "../team/contract.ts";
import { TicketRef } from "../tickets/contract.ts";

export const Note = z
  .object({
    id: idField("note"),
    object: z.literal("note"),
    conversation_id: idField("conv").nullable(),
    ticket_id: idField("tkt").nullable().meta({ description: "A note is of a conversation or of a ticket." }),
    text: z.string(),
    author: Author,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Note", description: "What the team writes for itself: no customer and no provider ever sees it." });
export type Note = z.input<typeof Note>;

export const NoteRef = z.strictObject({ note_id: idField("note") });
export type NoteRef = z.output<typeof NoteRef>;

const written = {
  text: textField(5000, z.string().trim().min(1)).meta({ examples: ["Called the warehouse: the parcel leaves tomorrow."] }),
};

export const AddConversationNote = ConversationRef.extend(written);
export type AddConversationNote = z.output<typeof AddConversationNote>;
export const AddTicketNote = TicketRef.extend(written);
export type AddTicketNote = z.output<typeof AddTicketNote>;
export const UpdateNote = NoteRef.extend(written);
export type UpdateNote = z.output<typeof UpdateNote>;

export const ListConversationNotes = ConversationRef.extend(pageInput);
export type ListConversationNotes = z.output<typeof ListConversationNotes>;
export const ListTicketNotes = TicketRef.extend(pageInput);
export type ListTicketNotes = z.output<typeof ListTicketNotes>;
export const NoteList = listOf(Note, "NoteList");

export const DeletedNote = z
  .object({ id: idField("note"), object: z.literal("note"), deleted: z.literal(true) })
  .meta({ id: "DeletedNote" });
