import { z } from "zod";
import { ChannelKind, ContentType } from "../channels/contract.ts";
import { ContactRef, oneRecipient, recipient } from "../contacts/contract.ts";
import { idField, idOrNoneField, listOf, Metadata, MetadataPatch, Moment, pageInput, textField, Timestamp } from "../core/fields.ts";
import { SearchText } from "../search/contract.ts";
import { Author } from "../team/contract.ts";

export const ConversationStatus = z.enum(["open", "pending", "resolved", "timed_out", "ended"]).meta({
  description: "`resolved`: closed by the team, the API or the agent; `timed_out`: by the inactivity timer; `ended`: by the customer.",
});
export type ConversationStatus = z.infer<typeof ConversationStatus>;
export const openStatuses = ["open", "pending"] as const satisfies ConversationStatus[];

export const HandlerMode = z.enum(["ai", "human", "unassigned"]).meta({ description: "Who answers." });
export type HandlerMode = z.infer<typeof HandlerMode>;

export const Priority = z.enum(["low", "normal", "high", "urgent"]);
export type Priority = z.infer<typeof Priority>;

export const Subject = textField(200, z.string().trim().min(1)).meta({ description: "What it is about.", examples: ["Order A-1007"] });

export const Tag = textField(50, z.string().trim().min(1)).meta({ examples: ["vip"] });
export const Tags = z
  .array(Tag)
  .max(50)
  .overwrite((tags) => [...new Set(tags)])
  .meta({ description: "All of them, in this order; one that is named twice is kept once." });

export const ClosedBy = z.enum(["team_member", "api", "ai_agent", "inactivity_timer", "contact"]).meta({ description: "Who closed it." });
export type ClosedBy = z.infer<typeof ClosedBy>;

export const MessagingWindow = z
  .object({
    state: z.enum(["open", "human_agent_only", "closed", "not_applicable"]).meta({
      description: "`human_agent_only`: only with `human_agent`, and only what a person wrote; Instagram and Facebook Page, up to 7 days.",
    }),
    expires_at: Timestamp.nullable().meta({
      description: "When this state ends, or the last one ended.",
      examples: ["2026-11-23T10:15:12.480Z"],
    }),
    allowed_types: z.array(ContentType).meta({
      description:
        "What may be sent at this moment. The workspace's setting `whatsapp_templates` may confine templates to the open window.",
    }),
  })
  .meta({
    id: "MessagingWindow",
    description:
      "Meta's 24-hour window: opened by the contact's own message, on each channel for the address they wrote from. A conversation shows that of the address it is answered at, where the contact last wrote from. Other channels have none.",
  });
export type MessagingWindow = z.infer<typeof MessagingWindow>;

export const Conversation = z
  .object({
    id: idField("conv"),
    object: z.literal("conversation"),
    channel: ChannelKind,
    channel_id: idField("chan"),
    contact_id: idField("cont"),
    status: ConversationStatus,
    handler_mode: HandlerMode,
    priority: Priority,
    assignee_id: idField("mem").nullable().meta({ description: "The team member who has it." }),
    tags: z.array(z.string()),
    subject: z.string().nullable(),
    message_count: z.number().int(),
    last_message_preview: z
      .string()
      .nullable()
      .meta({ description: "The first 120 characters of the last message.", examples: ["Where is my order?"] }),
    last_message_at: Timestamp,
    last_inbound_at: Timestamp.nullable().meta({ examples: ["2026-11-22T10:15:12.480Z"] }),
    first_response_at: Timestamp.nullable(),
    closed_at: Timestamp.nullable(),
    closed_by: ClosedBy.nullable(),
    duration_seconds: z.number().int().nullable().meta({ description: "From creation to close; null while it is open." }),
    inactivity_closes_at: Timestamp.nullable().meta({
      description:
        "When the inactivity timer will close it if nothing more is said. Null: where the workspace has no timer, and for what is `pending`, a call, or closed.",
      examples: ["2026-11-23T10:15:12.480Z"],
    }),
    messaging_window: MessagingWindow,
    ticket_ids: z.array(idField("tkt")).meta({ description: "The tickets that were made of it, the oldest first." }),
    metadata: Metadata,
    portal_url: z.string().meta({ format: "uri", description: "The conversation in the portal." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Conversation", description: "An exchange with one contact on one channel, from its first message to its close." });
export type Conversation = z.input<typeof Conversation>;

export const ConversationRef = z.strictObject({ conversation_id: idField("conv") });
export type ConversationRef = z.output<typeof ConversationRef>;

const chosenStatus = z.array(ConversationStatus).meta({ description: "One or more; repeat the parameter." }).optional();
export const chosenChannel = z.array(ChannelKind).meta({ description: "One or more; repeat the parameter." }).optional();

export const ListConversations = z.strictObject({
  status: chosenStatus,
  channel: chosenChannel,
  channel_id: idField("chan").optional(),
  contact_id: idField("cont").optional(),
  handler_mode: HandlerMode.optional(),
  assignee_id: idOrNoneField("mem").optional(),
  priority: z.array(Priority).meta({ description: "One or more; repeat the parameter." }).optional(),
  tag: Tag.meta({ description: "A tag that the conversation has, exactly." }).optional(),
  q: SearchText.optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  updated_after: Moment.optional(),
  updated_before: Moment.optional(),
  last_message_after: Moment.optional(),
  last_message_before: Moment.optional(),
  sort: z
    .enum(["-last_message_at", "last_message_at", "-created_at", "created_at", "-updated_at", "updated_at"])
    .default("-last_message_at")
    .meta({ description: "By which time; with a minus sign the newest first." }),
  ...pageInput,
});
export type ListConversations = z.output<typeof ListConversations>;

export const ListContactConversations = ContactRef.extend({ status: chosenStatus, channel: chosenChannel, ...pageInput });
export type ListContactConversations = z.output<typeof ListContactConversations>;
export const ConversationList = listOf(Conversation, "ConversationList");

export const StartConversation = z
  .strictObject({
    channel_id: idField("chan"),
    ...recipient,
    subject: Subject.optional(),
    tags: Tags.optional(),
    priority: Priority.optional(),
    handler_mode: HandlerMode.optional(),
    metadata: Metadata.optional(),
  })
  .refine(...oneRecipient)
  .meta({
    examples: [
      {
        channel_id: "chan_01m7x0q4w6e8r9t2y3v5n7b1c4",
        to: { kind: "phone", value: "+15550101001" },
        subject: "Order A-1007",
        tags: ["vip"],
        metadata: { order_id: "A-1007" },
      },
    ],
  });
export type StartConversation = z.output<typeof StartConversation>;

export const UpdateConversation = ConversationRef.extend({
  status: ConversationStatus.meta({
    description: "`open` or `pending` (it waits for somebody). Closing is POST /close, reopening POST /reopen.",
  }).optional(),
  priority: Priority.optional(),
  tags: Tags.optional(),
  subject: Subject.nullable().optional(),
  handler_mode: HandlerMode.optional(),
  metadata: MetadataPatch.optional(),
});
export type UpdateConversation = z.output<typeof UpdateConversation>;

export const HandOffConversation = ConversationRef.extend({
  to: HandlerMode,
  note: textField(1000, z.string().trim().min(1)).meta({ description: "Why; kept in the audit log." }).optional(),
});
export type HandOffConversation = z.output<typeof HandOffConversation>;

/** Whom something is given to. */
export const assignee = {
  assignee_id: idField("mem")
    .nullable()
    .meta({ description: "A team member who was not removed; null for nobody.", examples: ["mem_01m7x0q4w6e8r9t2y3v5n7b1c4"] }),
};

export const AssignConversation = ConversationRef.extend(assignee);
export type AssignConversation = z.output<typeof AssignConversation>;

export const Assignment = z
  .object({
    id: idField("asg"),
    object: z.literal("assignment"),
    conversation_id: idField("conv"),
    from_id: idField("mem").nullable().meta({ description: "Who had it before." }),
    to_id: idField("mem").nullable().meta({ description: "Who has it since." }),
    assigned_by: Author,
    created_at: Timestamp,
  })
  .meta({ id: "Assignment", description: "That a conversation went from one to another." });
export type Assignment = z.input<typeof Assignment>;

export const ListAssignments = ConversationRef.extend(pageInput);
export type ListAssignments = z.output<typeof ListAssignments>;
export const AssignmentList = listOf(Assignment, "AssignmentList");
