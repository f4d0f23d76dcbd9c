import { z } from "zod";
import { longest_text } from "../channels/capabilities.ts";
import { ChannelKind, Content, sendErrorCodes } from "../channels/contract.ts";
import { oneRecipient, recipient } from "../contacts/contract.ts";
import { idField, listOf, Metadata, Moment, pageInput, several, textField, Timestamp } from "../core/fields.ts";
import { answer_id, exampleId, help_desk, story } from "../core/story.ts";
import { ConversationRef, chosenChannel } from "../conversations/contract.ts";
import { TemplateLanguage, TemplateName, TemplateVariables } from "../templates/contract.ts";

export const SendableContent = z
  .discriminatedUnion("type", [
    z
      .strictObject({
        type: z.literal("text"),
        text: textField(longest_text, z.string().trim().min(1)).meta({
          description: "Plain text; the channel's own limit may be lower.",
          examples: [story.answer],
        }),
      })
      .meta({ id: "SendText", description: "Plain text." }),
    z
      .strictObject({
        type: z.literal("media"),
        media_type: z.enum(["image", "video", "audio", "document"]).meta({ description: "The kind of file." }),
        url: z
          .url({ protocol: /^https$/ })
          .max(2048)
          .meta({
            description: "A public https URL from which the provider fetches the file.",
            examples: ["https://shop.example/a-1007.pdf"],
          }),
        caption: textField(longest_text, z.string().trim())
          .meta({ description: "Text shown with the file, where the channel takes one.", examples: ["The invoice of A-1007"] })
          .optional(),
      })
      .meta({ id: "SendMedia", description: "A file, by its URL." }),
    z
      .strictObject({
        type: z.literal("template"),
        name: TemplateName,
        language: TemplateLanguage,
        variables: TemplateVariables.default({}),
      })
      .meta({
        id: "SendTemplate",
        description: "A template that WhatsApp has approved. On WhatsApp only, and outside the 24-hour window too.",
      }),
  ])
  .meta({ id: "SendableContent", description: "What to send.", examples: [{ type: "text", text: story.answer }] });
export type SendableContent = z.infer<typeof SendableContent>;

export const Direction = z
  .enum(["inbound", "outbound"])
  .meta({ id: "MessageDirection", description: "`inbound`: from the contact; `outbound`: to the contact." });
export type Direction = z.infer<typeof Direction>;

export const Sender = z
  .object({
    type: z.enum(["contact", "team_member", "ai_agent", "api", "system"]).meta({
      description: "`api`: an API key; `team_member`: in the portal, or in the provider's own inbox; `system`: the service itself.",
    }),
    id: z.string().nullable().meta({ description: "Id of the contact, member or API key; null where there is none." }),
    name: z.string().nullable().meta({ description: "The name at that time; null where none was known." }),
  })
  .meta({ id: "Sender", description: "Who wrote it." });
export type Sender = z.infer<typeof Sender>;

export const MessageStatus = z.enum(["queued", "sending", "sent", "delivered", "read", "failed", "unknown", "received"]).meta({
  id: "MessageStatus",
  description:
    "Outbound: `queued` → `sending` → `sent` (the provider took it) → `delivered` → `read`, or `failed` (`error` says why). `unknown`: the provider may or may not have taken it; the provider's report settles that, and it is never sent twice. Inbound: `received`.",
});
export type MessageStatus = z.infer<typeof MessageStatus>;
/** On disk a message that waits for another try is `scheduled`; outside it is still `queued`. */
export type StoredMessageStatus = MessageStatus | "scheduled";

export const MessageError = z
  .object({
    code: z.enum(sendErrorCodes).meta({ description: "The reason, the same for every provider." }),
    detail: z.string().meta({ description: "An explanation for people; it may change." }),
    provider_code: z.string().nullable().meta({ description: "The provider's own code; null where it gave none." }),
  })
  .meta({
    id: "MessageError",
    description: "Why a message was not delivered.",
    examples: [{ code: "recipient_unreachable", detail: "The number is not on WhatsApp.", provider_code: "131026" }],
  });
export type MessageError = z.infer<typeof MessageError>;

const question = {
  id: exampleId("msg"),
  object: "message",
  conversation_id: exampleId("conv"),
  contact_id: exampleId("cont"),
  channel: "whatsapp",
  direction: "inbound",
  sender: { type: "contact", id: exampleId("cont"), name: "Sara" },
  content: { type: "text", text: story.question },
  status: "received",
  error: null,
  external_id: "wamid.HBgLMTU1NTAxMDEwMDE=",
  client_reference: null,
  credits: 0.1,
  metadata: {},
  sent_at: "2026-11-22T10:15:11.000Z",
  delivered_at: null,
  read_at: null,
  failed_at: null,
  created_at: story.asked_at,
  updated_at: story.asked_at,
};
const queued = {
  ...question,
  id: answer_id,
  direction: "outbound",
  sender: help_desk,
  content: { type: "text", text: story.answer },
  status: "queued",
  external_id: null,
  client_reference: "order-A-1007-shipped",
  credits: 1,
  metadata: { order_id: "A-1007" },
  sent_at: null,
  created_at: story.answered_at,
  updated_at: story.answered_at,
};
const answer = {
  ...queued,
  status: "read",
  external_id: "wamid.HBgLMTU1NTAxMDEwMDI=",
  sent_at: story.sent_at,
  delivered_at: story.delivered_at,
  read_at: story.read_at,
  updated_at: story.read_at,
};

export const Message = z
  .object({
    id: idField("msg"),
    object: z.literal("message"),
    conversation_id: idField("conv"),
    contact_id: idField("cont"),
    channel: ChannelKind,
    direction: Direction,
    sender: Sender,
    content: Content,
    status: MessageStatus,
    error: MessageError.nullable().meta({
      description: "Why the last try to send it did not succeed; null where it did, or where there was none yet.",
    }),
    external_id: z.string().nullable().meta({ description: "The provider's id of the message; null until the provider has taken it." }),
    client_reference: z.string().nullable().meta({ description: "Your own id of it, as you sent it; null where you sent none." }),
    credits: z.number().meta({ description: "What it cost, in credits, to three decimals." }),
    metadata: Metadata,
    sent_at: Timestamp.nullable().meta({ description: "By the provider's clock; null: not sent yet." }),
    delivered_at: Timestamp.nullable().meta({ description: "When it arrived, as the provider reported; null: not reported." }),
    read_at: Timestamp.nullable().meta({ description: "When the contact read it, as the provider reported; null: not reported." }),
    failed_at: Timestamp.nullable().meta({ description: "When sending it failed for good; null unless `status` is `failed`." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Message", description: "One message, in or out.", examples: [answer, question] });
/** As it is at other moments of its life. */
export const ReceivedMessage = Message.meta({ examples: [question] });
export const QueuedMessage = Message.meta({ examples: [queued] });
export type Message = z.input<typeof Message>;

const TranscriptFormat = z.enum(["json", "text", "markdown"]).meta({ id: "TranscriptFormat", description: "How the messages are given." });
export type TranscriptFormat = z.infer<typeof TranscriptFormat>;

export const GetTranscript = ConversationRef.extend({
  format: TranscriptFormat.default("json").meta({
    description: "`json`: as objects in `messages`; `text` and `markdown`: rendered for people in `content`.",
  }),
});
export type GetTranscript = z.output<typeof GetTranscript>;

export const TranscriptMessage = z
  .object({
    at: Timestamp,
    sender: z.object({ type: Sender.shape.type, name: Sender.shape.name }).meta({ description: "Who wrote it." }),
    direction: Direction,
    text: z.string().nullable().meta({ description: "What was written; null for a file without a caption." }),
    media_type: z.string().nullable().meta({ description: "The kind of file, or `call` or `recording`; null for plain text." }),
    status: MessageStatus,
  })
  .meta({ id: "TranscriptMessage", description: "One message of a transcript." });
export type TranscriptMessage = z.infer<typeof TranscriptMessage>;

export const Transcript = z
  .object({
    object: z.literal("transcript"),
    conversation_id: idField("conv"),
    format: TranscriptFormat,
    truncated: z.boolean().meta({ description: "Whether earlier messages were left out.", examples: [false] }),
    messages: z
      .array(TranscriptMessage)
      .nullable()
      .meta({
        description: "The oldest first; null unless `format` is `json`.",
        examples: [
          [
            {
              at: story.asked_at,
              sender: { type: "contact", name: "Sara" },
              direction: "inbound",
              text: story.question,
              media_type: null,
              status: "received",
            },
            {
              at: story.answered_at,
              sender: { type: "api", name: "Help desk" },
              direction: "outbound",
              text: story.answer,
              media_type: null,
              status: "read",
            },
          ],
        ],
      }),
    content: z.string().nullable().meta({ description: "The rendered transcript; null where `format` is `json`." }),
  })
  .meta({ id: "Transcript", description: "The messages of a conversation, for people to read." });
export type Transcript = z.input<typeof Transcript>;

export const ListConversationMessages = ConversationRef.extend({
  order: z.enum(["asc", "desc"]).default("desc").meta({ description: "By time: `desc` the newest first, `asc` the oldest first." }),
  ...pageInput,
});
export type ListConversationMessages = z.output<typeof ListConversationMessages>;

export const ListMessages = z.strictObject({
  channel: chosenChannel,
  direction: Direction.optional(),
  status: several(MessageStatus),
  conversation_id: idField("conv").optional(),
  contact_id: idField("cont").optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  updated_after: Moment.meta({
    description:
      "RFC 3339 date and time, between the years 1970 and 9999: only what was stored or changed after it. The status of a message changes after it was stored.",
  }).optional(),
  order: z.enum(["asc", "desc"]).default("desc").meta({ description: "`desc`: the newest first; `asc`: a feed, the oldest first." }),
  ...pageInput,
});
export type ListMessages = z.output<typeof ListMessages>;
export const MessageList = listOf(Message, "MessageList");

export const MessageRef = z.strictObject({ message_id: idField("msg") });
export type MessageRef = z.output<typeof MessageRef>;

const newMessage = {
  content: SendableContent,
  client_reference: textField(255, z.string().min(1))
    .meta({ description: "Your own id of the message; kept and returned.", examples: ["order-A-1007-shipped"] })
    .optional(),
  metadata: Metadata.optional(),
  human_agent: z.boolean().default(false).meta({
    description:
      "Whether a person wrote it: on Instagram and Facebook Page it may then be sent up to 7 days after the contact's last message. It has no effect on other channels.",
  }),
};

export const SendMessage = ConversationRef.extend(newMessage);
export type SendMessage = z.output<typeof SendMessage>;

export const SendMessageToContact = z
  .strictObject({
    channel_id: idField("chan"),
    ...recipient,
    ...newMessage,
  })
  .refine(...oneRecipient)
  .meta({
    examples: [
      {
        channel_id: exampleId("chan"),
        contact_id: exampleId("cont"),
        content: { type: "text", text: story.answer },
        client_reference: "order-A-1007-shipped",
      },
    ],
  });
export type SendMessageToContact = z.output<typeof SendMessageToContact>;
