import { z } from "zod";
import { ConversationRef } from "../conversations/contract.ts";
import { idField, listOf, pageInput, textField, Timestamp } from "../core/fields.ts";
import { exampleId, help_desk, story } from "../core/story.ts";
import { Author } from "../team/contract.ts";
import { TicketRef } from "../tickets/contract.ts";

export const Note = z
  .object({
    id: idField("note"),
    object: z.literal("note"),
    conversation_id: idField("conv").nullable().meta({ description: "The conversation it belongs to; null for a note on a ticket." }),
    ticket_id: idField("tkt").nullable().meta({ description: "The ticket it belongs to; null for a note in a conversation." }),
    text: z.string().meta({ description: "What the note says." }),
    author: Author.meta({ description: "Who wrote it first; an update does not change it." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({
    id: "Note",
    description: "A note of the team. It is internal: no customer and no provider ever sees it.",
    examples: [
      {
        id: exampleId("note"),
        object: "note",
        conversation_id: exampleId("conv"),
        ticket_id: null,
        text: "Called the warehouse: the parcel left this morning.",
        author: help_desk,
        created_at: story.noted_at,
        updated_at: story.noted_at,
      },
    ],
  });
export const TicketNote = Note.meta({
  examples: [{ ...(Note.meta()!["examples"] as object[])[0], conversation_id: null, ticket_id: exampleId("tkt") }],
});
export type Note = z.input<typeof Note>;

export const NoteRef = z.strictObject({ note_id: idField("note") });
export type NoteRef = z.output<typeof NoteRef>;

const written = {
  text: textField(5000, z.string().trim().min(1)).meta({
    description: "What the note says.",
    examples: ["Called the warehouse: the parcel left this morning."],
  }),
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
  .meta({ id: "DeletedNote", description: "Which note was deleted." });
