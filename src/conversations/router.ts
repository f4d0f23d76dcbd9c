import { read, router, write } from "../trpc/procedure.ts";
import { closeConversation } from "./close-conversation.ts";
import {
  Conversation,
  ConversationList,
  ConversationRef,
  GetTranscript,
  HandOffConversation,
  ListContactConversations,
  ListConversationMessages,
  ListConversations,
  ListMessages,
  Message,
  MessageList,
  MessageRef,
  SendMessage,
  SendMessageToContact,
  StartConversation,
  Transcript,
  UpdateConversation,
} from "./contract.ts";
import { findConversation, showLockedConversation } from "./find-conversation.ts";
import { findMessage } from "./find-message.ts";
import { getTranscript } from "./get-transcript.ts";
import { handOffConversation } from "./hand-off-conversation.ts";
import { listContactConversations, listConversations } from "./list-conversations.ts";
import { listConversationMessages, listMessages } from "./list-messages.ts";
import { reopenConversation } from "./reopen-conversation.ts";
import { retryMessage } from "./retry-message.ts";
import { sendMessageToContact } from "./send-message-to-contact.ts";
import { sendMessage } from "./send-message.ts";
import { startConversation } from "./start-conversation.ts";
import { updateConversation } from "./update-conversation.ts";

export const conversationsRouter = router({
  list: read({
    route: "GET /v1/conversations",
    name: "listConversations",
    summary: "List conversations",
    description: "Conversations on every channel, the one with the newest message first unless `sort` says otherwise.",
    input: ListConversations,
    output: ConversationList,
    errors: ["invalid_cursor"],
    run: listConversations,
  }),
  listOfContact: read({
    route: "GET /v1/contacts/{contact_id}/conversations",
    name: "listContactConversations",
    summary: "List a contact's conversations",
    description: "The conversations with one contact on every channel, the one with the newest message first.",
    input: ListContactConversations,
    output: ConversationList,
    errors: ["invalid_cursor"],
    run: listContactConversations,
  }),
  start: write({
    route: "POST /v1/conversations",
    name: "startConversation",
    summary: "Start a conversation",
    description:
      "Opens a conversation in which nothing has been said yet. Name the contact by `contact_id`, or by `to`; somebody unknown becomes a contact. A contact has one open conversation on a channel: where there is one already, the answer is 409 `invalid_status_transition`, whose `conversation_id` names it. Nobody is called: on a telephone line conversations are started by the contact. To write in whichever conversation is open, use POST /v1/messages.",
    input: StartConversation,
    output: Conversation,
    status: 201,
    location: "/v1/conversations/{id}",
    errors: ["channel_disconnected", "call_not_active", "invalid_status_transition", "recipient_unreachable"],
    run: startConversation,
  }),
  get: read({
    route: "GET /v1/conversations/{conversation_id}",
    name: "getConversation",
    summary: "Get a conversation",
    description: "One conversation. `messaging_window` tells what may be sent at this moment.",
    input: ConversationRef,
    output: Conversation,
    run: findConversation,
  }),
  update: write({
    route: "PATCH /v1/conversations/{conversation_id}",
    name: "updateConversation",
    summary: "Update a conversation",
    description:
      "Changes the fields that are named; `metadata` is merged: a key that is null is removed. What is so already is no change, and an empty body changes nothing. `status` goes between `open` and `pending` only. On a closed conversation `status` and `handler_mode` cannot be changed; everything else can.",
    input: UpdateConversation,
    output: Conversation,
    errors: ["conversation_closed", "invalid_status_transition"],
    current: { read: showLockedConversation, output: Conversation },
    run: updateConversation,
  }),
  transcript: read({
    route: "GET /v1/conversations/{conversation_id}/transcript",
    name: "getTranscript",
    summary: "Get a transcript",
    description:
      "What was said, the oldest first, for people to read: every message in and out, also those that were not delivered, which are marked. Internal notes are not part of it. With `format=text` or `format=markdown` it is rendered into `content`, a block for each message; in Markdown whatever somebody wrote is escaped, so that it stays text. Times are UTC. At most the newest 5,000 messages: `truncated` says whether there are earlier ones, which GET /messages has.",
    input: GetTranscript,
    output: Transcript,
    run: getTranscript,
  }),
  listMessages: read({
    route: "GET /v1/conversations/{conversation_id}/messages",
    name: "listConversationMessages",
    summary: "List a conversation's messages",
    description: "What was said, in and out, the newest first unless `order` says otherwise.",
    input: ListConversationMessages,
    output: MessageList,
    errors: ["invalid_cursor"],
    run: listConversationMessages,
  }),
  sendMessage: write({
    route: "POST /v1/conversations/{conversation_id}/messages",
    name: "sendMessage",
    summary: "Send a message",
    description:
      "Queues a message to the conversation's contact and answers at once with `status: queued`; how it fares is read on the message. A free-form message outside the 24-hour window is refused before anything is sent.",
    input: SendMessage,
    output: Message,
    status: 201,
    location: "/v1/messages/{id}",
    errors: ["conversation_closed", "channel_disconnected", "messaging_window_closed", "content_type_unsupported"],
    run: sendMessage,
  }),
  close: write({
    route: "POST /v1/conversations/{conversation_id}/close",
    name: "closeConversation",
    summary: "Close a conversation",
    description: "Marks the conversation `resolved` and sends `conversation_end`. The contact's next message opens a new one.",
    input: ConversationRef,
    output: Conversation,
    errors: ["conversation_closed"],
    run: closeConversation,
  }),
  reopen: write({
    route: "POST /v1/conversations/{conversation_id}/reopen",
    name: "reopenConversation",
    summary: "Reopen a conversation",
    description:
      "Opens a conversation again that was `resolved` or `timed_out`. Not one that the contact `ended`, and not beside another that is open with the same contact on the same channel: that one is named by `conversation_id`.",
    input: ConversationRef,
    output: Conversation,
    errors: ["invalid_status_transition"],
    run: reopenConversation,
  }),
  handOff: write({
    route: "POST /v1/conversations/{conversation_id}/handoff",
    name: "handOffConversation",
    summary: "Hand a conversation off",
    description:
      "Says who answers from now on: the AI agent, a person, or nobody in particular. Who handed it off, and the note, are kept in the audit log. Sending a message through the API does not change who answers.",
    input: HandOffConversation,
    output: Conversation,
    errors: ["conversation_closed"],
    run: handOffConversation,
  }),
});

export const messagesRouter = router({
  list: read({
    route: "GET /v1/messages",
    name: "listMessages",
    summary: "List messages",
    description:
      "The messages of every conversation, the newest first. With `order=asc` it is a feed for mirroring them: `next_cursor` is always there, and whoever keeps it and asks again later gets each message once and misses none, however late its transaction was committed. A message appears in the feed once; ask with `updated_after` for those whose status has changed.",
    input: ListMessages,
    output: MessageList,
    errors: ["invalid_cursor"],
    run: listMessages,
  }),
  get: read({
    route: "GET /v1/messages/{message_id}",
    name: "getMessage",
    summary: "Get a message",
    description: "One message and how its delivery fares.",
    input: MessageRef,
    output: Message,
    run: findMessage,
  }),
  send: write({
    route: "POST /v1/messages",
    name: "sendMessageToContact",
    summary: "Send a message to a contact",
    description:
      "Queues a message to a contact on a channel: in their open conversation there, or in a new one. Name the contact by `contact_id`, or by `to`; somebody unknown becomes a contact. A closed conversation is not reopened. Where the channel has a 24-hour window and the contact has not opened it, the message is refused and nothing is made.",
    input: SendMessageToContact,
    output: Message,
    status: 201,
    location: "/v1/messages/{id}",
    errors: ["channel_disconnected", "call_not_active", "messaging_window_closed", "content_type_unsupported", "recipient_unreachable"],
    run: sendMessageToContact,
  }),
  retry: write({
    route: "POST /v1/messages/{message_id}/retry",
    name: "retryMessage",
    summary: "Retry a failed message",
    description:
      "Queues a message whose status is `failed` again, under the checks of a new one. Not where its own content was the reason (`content_type_unsupported`, `provider_invalid_request`, `template_params_invalid`), and never a message that is `unknown`: it may have arrived.",
    input: MessageRef,
    output: Message,
    status: 202,
    errors: ["message_not_retryable", "conversation_closed", "channel_disconnected", "messaging_window_closed", "content_type_unsupported"],
    run: retryMessage,
  }),
});
