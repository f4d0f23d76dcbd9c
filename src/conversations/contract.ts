import { z } from "zod";
import { ChannelKind, ContentType } from "../channels/contract.ts";
import { ContactRef, oneRecipient, recipient } from "../contacts/contract.ts";
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

export const ConversationStatus = z.enum(["open", "pending", "resolved", "timed_out", "ended"]).meta({
  id: "ConversationStatus",
  description:
    "`open` and `pending` (it waits for somebody) can go on. The others are closed: `resolved` by the team, the API or the AI agent; `timed_out` by the inactivity timer; `ended` by the contact.",
});
export type ConversationStatus = z.infer<typeof ConversationStatus>;
export const openStatuses = ["open", "pending"] as const satisfies ConversationStatus[];

export const HandlerMode = z
  .enum(["ai", "human", "unassigned"])
  .meta({ id: "HandlerMode", description: "Who answers: the AI agent, a person, or nobody in particular." });
export type HandlerMode = z.infer<typeof HandlerMode>;

export const Priority = z
  .enum(["low", "normal", "high", "urgent"])
  .meta({ id: "Priority", description: "How urgent it is.", examples: ["normal"] });
export type Priority = z.infer<typeof Priority>;

export const Subject = textField(200, z.string().trim().min(1)).meta({ description: "What it is about.", examples: ["Order A-1007"] });

export const Tag = textField(50, z.string().trim().min(1)).meta({ examples: ["vip"] });
export const Tags = z
  .array(Tag)
  .max(50)
  .overwrite((tags) => [...new Set(tags)])
  .meta({ description: "The complete list, in this order; a duplicate is kept once." });

export const ClosedBy = z
  .enum(["team_member", "api", "ai_agent", "inactivity_timer", "contact"])
  .meta({ id: "ClosedBy", description: "Who closed it." });
export type ClosedBy = z.infer<typeof ClosedBy>;

export const MessagingWindow = z
  .object({
    state: z.enum(["open", "human_agent_only", "closed", "not_applicable"]).meta({
      description:
        "`open`: free-form messages may be sent; `closed`: they may not; `human_agent_only`: only what a person wrote, sent with `human_agent` (Instagram and Facebook Page, up to 7 days); `not_applicable`: the channel has no window.",
    }),
    expires_at: Timestamp.nullable().meta({
      description:
        "When an open window ends, or when a closed one ended. Null where the channel has no window, or the contact never opened it.",
      examples: [story.window_ends_at],
    }),
    allowed_types: z.array(ContentType).meta({
      description:
        "Which types of content may be sent at this moment. The workspace's setting `whatsapp_templates` may allow templates in the open window only.",
    }),
  })
  .meta({
    id: "MessagingWindow",
    description:
      "Meta's 24-hour window on WhatsApp, Instagram and Facebook Page: each message of the contact opens it anew, on that channel and for the address they wrote from. A conversation shows the window of the address that is answered: where the contact last wrote from. Other channels have none.",
  });
export type MessagingWindow = z.infer<typeof MessagingWindow>;

const opened = {
  id: exampleId("conv"),
  object: "conversation",
  channel: "whatsapp",
  channel_id: exampleId("chan"),
  contact_id: exampleId("cont"),
  status: "open",
  handler_mode: "unassigned",
  priority: "normal",
  assignee_id: null,
  tags: [],
  subject: null,
  message_count: 1,
  last_message_preview: story.question,
  last_message_at: story.asked_at,
  last_inbound_at: story.asked_at,
  first_response_at: null,
  closed_at: null,
  closed_by: null,
  duration_seconds: null,
  inactivity_closes_at: "2026-11-23T10:15:12.480Z",
  messaging_window: { state: "open", expires_at: story.window_ends_at, allowed_types: ["text", "media", "template"] },
  ticket_ids: [],
  metadata: {},
  portal_url: story.portal_url,
  created_at: story.asked_at,
  updated_at: story.asked_at,
};
const answered = {
  ...opened,
  handler_mode: "human",
  assignee_id: exampleId("mem"),
  tags: ["vip"],
  subject: "Order A-1007",
  message_count: 2,
  last_message_preview: story.answer,
  last_message_at: story.answered_at,
  first_response_at: story.answered_at,
  inactivity_closes_at: "2026-11-23T10:17:40.112Z",
  ticket_ids: [exampleId("tkt")],
  metadata: { order_id: "A-1007" },
  updated_at: story.noted_at,
};
const closed = {
  ...answered,
  status: "resolved",
  closed_at: story.closed_at,
  closed_by: "api",
  duration_seconds: 1058,
  inactivity_closes_at: null,
  updated_at: story.closed_at,
};
const started = {
  ...opened,
  tags: ["vip"],
  subject: "Order A-1007",
  message_count: 0,
  last_message_preview: null,
  last_inbound_at: null,
  messaging_window: { state: "closed", expires_at: null, allowed_types: ["template"] },
  metadata: { order_id: "A-1007" },
};

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
    assignee_id: idField("mem").nullable().meta({ description: "The team member it is assigned to; null: nobody." }),
    tags: z.array(z.string()).meta({ description: "Your own labels." }),
    subject: z.string().nullable().meta({ description: "What it is about; null: nobody has said." }),
    message_count: z.number().int().meta({ description: "How many messages it has, in and out." }),
    last_message_preview: z
      .string()
      .nullable()
      .meta({ description: "The first 120 characters of the last message; null before the first." }),
    last_message_at: Timestamp.meta({ description: "When the last message was stored; before the first, when the conversation began." }),
    last_inbound_at: Timestamp.nullable().meta({ description: "When the contact last wrote in it; null: not yet." }),
    first_response_at: Timestamp.nullable().meta({ description: "When the contact was first answered; null: not yet." }),
    closed_at: Timestamp.nullable().meta({ description: "Null while it is `open` or `pending`." }),
    closed_by: ClosedBy.nullable().meta({ description: "Who closed it; null while it is `open` or `pending`." }),
    duration_seconds: z.number().int().nullable().meta({ description: "From creation to close; null while it is open." }),
    inactivity_closes_at: Timestamp.nullable().meta({
      description:
        "When the inactivity timer will close it if no message comes before. Null where the workspace has no timer, and for a conversation that is `pending`, a call, or closed.",
    }),
    messaging_window: MessagingWindow,
    ticket_ids: z.array(idField("tkt")).meta({ description: "The tickets created from it, the oldest first." }),
    metadata: Metadata,
    portal_url: z.string().meta({ format: "uri", description: "The conversation's page in the portal." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({
    id: "Conversation",
    description: "An exchange with one contact on one channel, from its first message to its close.",
    examples: [answered],
  });
/** As it is at other moments of its life. */
export const NewConversation = Conversation.meta({ examples: [opened] });
export const StartedConversation = Conversation.meta({ examples: [started] });
export const ClosedConversation = Conversation.meta({ examples: [closed] });
export type Conversation = z.input<typeof Conversation>;

export const ConversationRef = z.strictObject({ conversation_id: idField("conv") });
export type ConversationRef = z.output<typeof ConversationRef>;

const chosenStatus = several(ConversationStatus);
export const chosenChannel = several(ChannelKind);

export const ListConversations = z.strictObject({
  status: chosenStatus,
  is_open: z.boolean().meta({ description: "True: `open` or `pending`; false: closed, in whichever way." }).optional(),
  channel: chosenChannel,
  channel_id: idField("chan").optional(),
  contact_id: idField("cont").optional(),
  handler_mode: HandlerMode.optional(),
  assignee_id: idOrNoneField("mem").optional(),
  priority: several(Priority),
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
    .meta({ description: "The time to sort by; a minus sign means the newest first." }),
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
        channel_id: exampleId("chan"),
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
    description: "`open` or `pending` (it waits for somebody). To close it use POST /close, to open it again POST /reopen.",
  }).optional(),
  priority: Priority.optional(),
  tags: Tags.optional(),
  subject: Subject.nullable()
    .meta({ description: "What it is about; null removes it.", examples: ["Order A-1007"] })
    .optional(),
  handler_mode: HandlerMode.meta({ examples: ["human"] }).optional(),
  metadata: MetadataPatch.optional(),
});
export type UpdateConversation = z.output<typeof UpdateConversation>;

export const HandOffConversation = ConversationRef.extend({
  to: HandlerMode.meta({ description: "Who answers from now on.", examples: ["human"] }),
  note: textField(1000, z.string().trim().min(1))
    .meta({ description: "The reason; kept in the audit log.", examples: ["The customer asks for a person."] })
    .optional(),
});
export type HandOffConversation = z.output<typeof HandOffConversation>;

/** Whom something is given to. */
export const assignee = {
  assignee_id: idField("mem")
    .nullable()
    .meta({ description: "A team member who was not removed; null: nobody.", examples: [exampleId("mem")] }),
};

export const AssignConversation = ConversationRef.extend(assignee);
export type AssignConversation = z.output<typeof AssignConversation>;

export const Assignment = z
  .object({
    id: idField("asg"),
    object: z.literal("assignment"),
    conversation_id: idField("conv"),
    from_id: idField("mem").nullable().meta({ description: "Who had it before; null: nobody." }),
    to_id: idField("mem").nullable().meta({ description: "Who has it since then; null: nobody." }),
    assigned_by: Author,
    created_at: Timestamp,
  })
  .meta({
    id: "Assignment",
    description: "A change of the team member a conversation is assigned to.",
    examples: [
      {
        id: exampleId("asg"),
        object: "assignment",
        conversation_id: exampleId("conv"),
        from_id: null,
        to_id: exampleId("mem"),
        assigned_by: help_desk,
        created_at: story.assigned_at,
      },
    ],
  });
export type Assignment = z.input<typeof Assignment>;

export const ListAssignments = ConversationRef.extend(pageInput);
export type ListAssignments = z.output<typeof ListAssignments>;
export const AssignmentList = listOf(Assignment, "AssignmentList");
