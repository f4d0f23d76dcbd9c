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
import { exampleId, help_desk, story } from "../core/story.ts";
import { SearchText } from "../search/contract.ts";
import { Author } from "../team/contract.ts";

export const TicketStatus = z.enum(["open", "in_progress", "waiting", "resolved", "closed"]).meta({
  id: "TicketStatus",
  description: "`waiting`: for somebody outside the team; `resolved`: done, but can be opened again; `closed`: final.",
});
export type TicketStatus = z.infer<typeof TicketStatus>;

export const Ticket = z
  .object({
    id: idField("tkt"),
    object: z.literal("ticket"),
    number: z.number().int().meta({ description: "A number for people: 1, 2, 3 … in each workspace." }),
    subject: z.string().meta({ description: "What it is about." }),
    description: z.string().nullable().meta({ description: "More about it; null: nothing was written." }),
    status: TicketStatus,
    priority: Priority,
    assignee_id: idField("mem").nullable().meta({ description: "The team member it is assigned to; null: nobody." }),
    conversation_id: idField("conv").nullable().meta({ description: "The conversation it was created from; null: none." }),
    contact_id: idField("cont").nullable().meta({ description: "The contact it is about; null: none." }),
    tags: z.array(z.string()).meta({ description: "Your own labels." }),
    metadata: Metadata,
    created_by: Author,
    resolved_at: Timestamp.nullable().meta({
      description: "When it was last resolved; null while it was not, or after it was opened again.",
    }),
    closed_at: Timestamp.nullable().meta({ description: "Null unless `status` is `closed`." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({
    id: "Ticket",
    description: "A task to be done for a customer.",
    examples: [
      {
        id: exampleId("tkt"),
        object: "ticket",
        number: 12,
        subject: "A-1007 is late",
        description: "Promised for the 20th; the customer asks where it is.",
        status: "open",
        priority: "high",
        assignee_id: exampleId("mem"),
        conversation_id: exampleId("conv"),
        contact_id: exampleId("cont"),
        tags: ["delivery"],
        metadata: { order_id: "A-1007" },
        created_by: help_desk,
        resolved_at: null,
        closed_at: null,
        created_at: story.noted_at,
        updated_at: story.noted_at,
      },
    ],
  });
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
    .meta({ description: "The time to sort by; a minus sign means the newest first." }),
  ...pageInput,
});
export type ListTickets = z.output<typeof ListTickets>;
export const TicketList = listOf(Ticket, "TicketList");

const Description = textField(10_000, z.string().trim().min(1)).meta({
  description: "More about it.",
  examples: ["Promised for the 20th; the customer asks where it is."],
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
        description: "The contact it is about. With `conversation_id` it is that conversation's contact, and no other can be named.",
      })
      .optional(),
    tags: Tags.optional(),
    metadata: Metadata.optional(),
  })
  .meta({
    examples: [{ subject: "A-1007 is late", conversation_id: exampleId("conv"), priority: "high", tags: ["delivery"] }],
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
