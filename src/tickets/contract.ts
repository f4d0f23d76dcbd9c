import { z } from "zod";
import { assignee, Priority, Subject, Tag, Tags } from "../conversations/contract.ts";
import {
  idField,
  idOrNoneField,
  listOf,
  Metadata,
  MetadataPatch,
  Moment,
  pageInput,
  several,
  textField,
  Timestamp,
} from "../core/fields.ts";
import { SearchText } from "../search/contract.ts";
import { Author } from "../team/contract.ts";

export const TicketStatus = z.enum(["open", "in_progress", "waiting", "resolved", "closed"]).meta({
  description: "`waiting`: for somebody outside the team; `resolved`: done, and can be opened again; `closed`: the end.",
});
export type TicketStatus = z.infer<typeof TicketStatus>;

export const Ticket = z
  .object({
    id: idField("tkt"),
    object: z.literal("ticket"),
    number: z
      .number()
      .int()
      .meta({ description: "1, 2, 3 … in each workspace: for people to say.", examples: [1007] }),
    subject: z.string(),
    description: z.string().nullable(),
    status: TicketStatus,
    priority: Priority,
    assignee_id: idField("mem").nullable().meta({ description: "The team member who has it." }),
    conversation_id: idField("conv").nullable().meta({ description: "The conversation it was made of." }),
    contact_id: idField("cont").nullable().meta({ description: "Whom it is about." }),
    tags: z.array(z.string()),
    metadata: Metadata,
    created_by: Author,
    resolved_at: Timestamp.nullable().meta({ description: "When it was last resolved; null while it is not, or never was." }),
    closed_at: Timestamp.nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Ticket", description: "What is to be done for a customer." });
export type Ticket = z.input<typeof Ticket>;

export const TicketRef = z.strictObject({ ticket_id: idField("tkt") });
export type TicketRef = z.output<typeof TicketRef>;

export const ListTickets = z.strictObject({
  status: several(TicketStatus),
  priority: several(Priority),
  assignee_id: idOrNoneField("mem").optional(),
  conversation_id: idField("conv").optional(),
  contact_id: idField("cont").optional(),
  tag: Tag.meta({ description: "A tag that the ticket has, exactly." }).optional(),
  q: SearchText.optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  updated_after: Moment.optional(),
  updated_before: Moment.optional(),
  sort: z
    .enum(["-created_at", "created_at", "-updated_at", "updated_at"])
    .default("-created_at")
    .meta({ description: "By which time; with a minus sign the newest first." }),
  ...pageInput,
});
export type ListTickets = z.output<typeof ListTickets>;
export const TicketList = listOf(Ticket, "TicketList");

const Description = textField(10_000, z.string().trim().min(1)).meta({
  examples: ["Paid twice for A-1007; wants the second payment back."],
});

export const CreateTicket = z
  .strictObject({
    subject: Subject,
    description: Description.optional(),
    priority: Priority.optional(),
    assignee_id: idField("mem").optional(),
    conversation_id: idField("conv").optional(),
    contact_id: idField("cont")
      .meta({
        description: "Left out where `conversation_id` is given, it is the conversation's contact; no other can be named beside it.",
      })
      .optional(),
    tags: Tags.optional(),
    metadata: Metadata.optional(),
  })
  .meta({
    examples: [{ subject: "Refund of A-1007", conversation_id: "conv_01m7x0q4w6e8r9t2y3v5n7b1c4", priority: "high", tags: ["refund"] }],
  });
export type CreateTicket = z.output<typeof CreateTicket>;

export const UpdateTicket = TicketRef.extend({
  subject: Subject.optional(),
  description: Description.nullable().optional(),
  status: TicketStatus.optional(),
  priority: Priority.optional(),
  tags: Tags.optional(),
  metadata: MetadataPatch.optional(),
});
export type UpdateTicket = z.output<typeof UpdateTicket>;

export const AssignTicket = TicketRef.extend(assignee);
export type AssignTicket = z.output<typeof AssignTicket>;
