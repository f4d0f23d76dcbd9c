import { read, router, write } from "../trpc/procedure.ts";
import {
  GetTranscript,
  ListConversationMessages,
  ListMessages,
  Message,
  MessageList,
  MessageRef,
  QueuedMessage,
  SendMessage,
  SendMessageToContact,
  Transcript,
} from "./contract.ts";
import { findMessage } from "./find-message.ts";
import { getTranscript } from "./get-transcript.ts";
import { listConversationMessages, listMessages } from "./list-messages.ts";
import { retryMessage } from "./retry-message.ts";
import { sendMessageToContact } from "./send-message-to-contact.ts";
import { sendMessage } from "./send-message.ts";

export const messagesRouter = router({
  listInConversation: read({
    route: "GET /v1/conversations/{conversation_id}/messages",
    name: "listConversationMessages",
    summary: "List a conversation's messages",
    description: "The messages of one conversation, in and out, the newest first unless `order` says otherwise.",
    input: ListConversationMessages,
    output: MessageList,
    errors: ["invalid_cursor"],
    run: listConversationMessages,
  }),
  sendInConversation: write({
    route: "POST /v1/conversations/{conversation_id}/messages",
    name: "sendMessage",
    summary: "Send a message",
    description:
      "Queues a message to the conversation's contact and answers at once with `status: queued`; read its later status on the message. A free-form message outside the 24-hour window is refused before anything is sent.",
    input: SendMessage,
    output: QueuedMessage,
    status: 201,
    location: "/v1/messages/{id}",
    errors: [
      "conversation_closed",
      "call_not_active",
      "channel_disconnected",
      "messaging_window_closed",
      "content_type_unsupported",
      "template_not_found",
      "template_not_approved",
      "template_params_invalid",
      "recipient_opted_out",
    ],
    run: sendMessage,
  }),
  transcript: read({
    route: "GET /v1/conversations/{conversation_id}/transcript",
    name: "getTranscript",
    summary: "Get a transcript",
    description:
      "All messages of a conversation, the oldest first, for people to read. Messages that were not delivered are included and marked; notes are not included. With `format=text` or `format=markdown` the transcript is rendered into `content`, one block for each message; in Markdown, what people wrote is escaped, so that it stays text. Times are in UTC. It holds at most the newest 5,000 messages: `truncated` says whether there are earlier ones, which GET /messages returns.",
    input: GetTranscript,
    output: Transcript,
    run: getTranscript,
  }),
  list: read({
    route: "GET /v1/messages",
    name: "listMessages",
    summary: "List messages",
    description:
      "The messages of every conversation, the newest first. With `order=asc` it is a feed to copy them from: `next_cursor` is always present. Keep it and ask again later, and you get each message exactly once and miss none, even one whose transaction was committed late. A change of status does not bring a message back into the feed: use `updated_after` for those.",
    input: ListMessages,
    output: MessageList,
    errors: ["invalid_cursor"],
    run: listMessages,
  }),
  get: read({
    route: "GET /v1/messages/{message_id}",
    name: "getMessage",
    summary: "Get a message",
    description: "One message, with the status of its delivery.",
    input: MessageRef,
    output: Message,
    run: findMessage,
  }),
  send: write({
    route: "POST /v1/messages",
    name: "sendMessageToContact",
    summary: "Send a message to a contact",
    description:
      "Queues a message to a contact on a channel: in their open conversation on it, or in a new one. Name the contact by `contact_id` or by `to`; an unknown person becomes a contact. A closed conversation is not reopened. Where the channel has a 24-hour window and it is closed, a free-form message is refused and nothing is created.",
    input: SendMessageToContact,
    output: QueuedMessage,
    status: 201,
    location: "/v1/messages/{id}",
    errors: [
      "channel_disconnected",
      "call_not_active",
      "messaging_window_closed",
      "content_type_unsupported",
      "template_not_found",
      "template_not_approved",
      "template_params_invalid",
      "recipient_unreachable",
      "recipient_opted_out",
    ],
    run: sendMessageToContact,
  }),
  retry: write({
    route: "POST /v1/messages/{message_id}/retry",
    name: "retryMessage",
    summary: "Retry a failed message",
    description:
      "Queues a message whose status is `failed` again, after the same checks as for a new one. Refused where its own content was the reason (`content_type_unsupported`, `provider_invalid_request`, `template_params_invalid`), and for a message that is `unknown`, because it may have arrived.",
    input: MessageRef,
    output: QueuedMessage,
    status: 202,
    errors: [
      "message_not_retryable",
      "conversation_closed",
      "call_not_active",
      "channel_disconnected",
      "messaging_window_closed",
      "content_type_unsupported",
      "template_not_found",
      "template_not_approved",
      "template_params_invalid",
      "recipient_unreachable",
      "recipient_opted_out",
    ],
    run: retryMessage,
  }),
});
