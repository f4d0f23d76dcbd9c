import { z } from "zod";
import { longest_text } from "../channels/capabilities.ts";
import { ChannelKind, Content, sendErrorCodes } from "../channels/contract.ts";
import { oneRecipient, recipient } from "../contacts/contract.ts";
import { idField, listOf, Metadata, Moment, pageInput, several, textField, Timestamp } from "../core/fields.ts";
import { ConversationRef, chosenChannel } from "../conversations/contract.ts";
import { TemplateLanguage, TemplateName, TemplateVariables } from "../templates/contract.ts";

export const SendableContent = z
  .discriminatedUnion("type", [
    z
      .strictObject({
        type: z.literal("text"),
        text: textField(longest_text, z.string().trim().min(1)).meta({ description: "Plain text; the channel's own limit may be lower." }),
      })
      .meta({ id: "SendText", description: "Plain text." }),
    z
      .strictObject({
        type: z.literal("media"),
        media_type: z.enum(["image", "video", "audio", "document"]),
        url: z
          .url({ protocol: /^https$/ })
          .max(2048)
          .meta({ description: "A public https URL from which the provider fetches the file." }),
        caption: textField(longest_text, z.string().trim()).optional(),
      })
      .meta({ id: "SendMedia", description: "A file, by its URL." }),
    z
      .strictObject({
        type: z.literal("template"),
        name: TemplateName,
        language: TemplateLanguage,
        variables: TemplateVariables.default({}),
      })
      .meta({ id: "SendTemplate", description: "A template that WhatsApp has approved; WhatsApp alone, and outside the window too." }),
  ])
  .meta({ id: "SendableContent", description: "What to send.", examples: [{ type: "text", text: "Your order is on its way." }] });
export type SendableContent = z.infer<typeof SendableContent>;

export const Direction = z.enum(["inbound", "outbound"]);
export type Direction = z.infer<typeof Direction>;

export const Sender = z
  .object({
    type: z.enum(["contact", "team_member", "ai_agent", "api", "system"]),
    id: z.string().nullable(),
    name: z.string().nullable(),
  })
  .meta({ id: "Sender", description: "Who wrote it." });
export type Sender = z.infer<typeof Sender>;

export const MessageStatus = z
  .enum(["queued", "sending", "sent", "delivered", "read", "failed", "unknown", "received"])
  .meta({ description: "`unknown`: the provider may or may not have taken it; its own report settles that, and it is never sent twice." });
export type MessageStatus = z.infer<typeof MessageStatus>;
/** On disk a message that waits for another try is `scheduled`; outside it is still `queued`. */
export type StoredMessageStatus = MessageStatus | "scheduled";

export const MessageError = z
  .object({
    code: z.enum(sendErrorCodes),
    detail: z.string(),
    provider_code: z.string().nullable().meta({ description: "The provider's own code." }),
  })
  .meta({ id: "MessageError", description: "Why a message was not delivered." });
export type MessageError = z.infer<typeof MessageError>;

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
    error: MessageError.nullable(),
    external_id: z.string().nullable().meta({ description: "The provider's id of it." }),
    client_reference: z.string().nullable(),
    credits: z.number().meta({ description: "What it cost, to the thousandth of a credit.", examples: [1] }),
    metadata: Metadata,
    sent_at: Timestamp.nullable().meta({ description: "By the provider's clock." }),
    delivered_at: Timestamp.nullable(),
    read_at: Timestamp.nullable(),
    failed_at: Timestamp.nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Message", description: "One message, in or out." });
export type Message = z.input<typeof Message>;

const TranscriptFormat = z.enum(["json", "text", "markdown"]);
export type TranscriptFormat = z.infer<typeof TranscriptFormat>;

export const GetTranscript = ConversationRef.extend({
  format: TranscriptFormat.default("json").meta({ description: "The messages themselves, or rendered for people in `content`." }),
});
export type GetTranscript = z.output<typeof GetTranscript>;

export const TranscriptMessage = z
  .object({
    at: Timestamp,
    sender: z.object({ type: Sender.shape.type, name: z.string().nullable() }).meta({ description: "Who wrote it." }),
    direction: Direction,
    text: z
      .string()
      .nullable()
      .meta({ description: "What was written; null for a file without a caption.", examples: ["Where is my order?"] }),
    media_type: z.string().nullable().meta({ description: "What kind of file it is, or `call` or `recording`; null for plain text." }),
    status: MessageStatus,
  })
  .meta({ id: "TranscriptMessage", description: "One message of a transcript." });
export type TranscriptMessage = z.infer<typeof TranscriptMessage>;

export const Transcript = z
  .object({
    object: z.literal("transcript"),
    conversation_id: idField("conv"),
    format: TranscriptFormat,
    truncated: z.boolean().meta({ description: "Earlier messages are left out.", examples: [false] }),
    messages: z
      .array(TranscriptMessage)
      .nullable()
      .meta({
        description: "The oldest first; null where `content` holds them.",
        examples: [
          [
            {
              at: "2026-11-22T10:15:12.480Z",
              sender: { type: "contact", name: "Sara" },
              direction: "inbound",
              text: "Where is my order?",
              media_type: null,
              status: "received",
            },
          ],
        ],
      }),
    content: z.string().nullable().meta({ description: "The rendered transcript; null for `json`." }),
  })
  .meta({ id: "Transcript", description: "What was said in a conversation, for people to read." });
export type Transcript = z.input<typeof Transcript>;

export const ListConversationMessages = ConversationRef.extend({
  order: z.enum(["asc", "desc"]).default("desc").meta({ description: "By time: the newest first, or the oldest." }),
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
  updated_after: Moment.meta({ description: "Stored or changed since: a message's status changes after it was stored." }).optional(),
  order: z.enum(["asc", "desc"]).default("desc").meta({ description: "The newest first, or, with `asc`, a feed." }),
  ...pageInput,
});
export type ListMessages = z.output<typeof ListMessages>;
export const MessageList = listOf(Message, "MessageList");

export const MessageRef = z.strictObject({ message_id: idField("msg") });
export type MessageRef = z.output<typeof MessageRef>;

const newMessage = {
  content: SendableContent,
  client_reference: textField(255, z.string().min(1)).meta({ description: "Your own id of it; kept, and given back." }).optional(),
  metadata: Metadata.optional(),
  human_agent: z.boolean().default(false).meta({
    description:
      "A person wrote it: on Instagram and a Facebook Page it may then be sent up to 7 days after the contact's last message. Of no effect elsewhere.",
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
        channel_id: "chan_01m7x0q4w6e8r9t2y3v5n7b1c4",
        contact_id: "cont_01m7x0q4w6e8r9t2y3v5n7b1c4",
        content: { type: "text", text: "Your order is on its way." },
        client_reference: "order-A-1007-shipped",
      },
    ],
  });
export type SendMessageToContact = z.output<typeof SendMessageToContact>;
