import { read, router, write } from "../trpc/procedure.ts";
import { closeConversation } from "./close-conversation.ts";
import {
  Conversation,
  ConversationList,
  ConversationRef,
  ListConversations,
  ListMessages,
  Message,
  MessageList,
  MessageRef,
  SendMessage,
} from "./contract.ts";
import { findConversation } from "./find-conversation.ts";
import { findMessage } from "./find-message.ts";
import { listConversations } from "./list-conversations.ts";
import { listMessages } from "./list-messages.ts";
import { sendMessage } from "./send-message.ts";

export const conversationsRouter = router({
  list: read({
    route: "GET /v1/conversations",
    name: "listConversations",
    summary: "List conversations",
    description: "Conversations on every channel, the one with the newest message first.",
    input: ListConversations,
    output: ConversationList,
    errors: ["invalid_cursor"],
    run: listConversations,
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
  listMessages: read({
    route: "GET /v1/conversations/{conversation_id}/messages",
    name: "listConversationMessages",
    summary: "List a conversation's messages",
    description: "What was said, in and out, the newest first unless `order` says otherwise.",
    input: ListMessages,
    output: MessageList,
    errors: ["invalid_cursor"],
    run: listMessages,
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
});

export const messagesRouter = router({
  get: read({
    route: "GET /v1/messages/{message_id}",
    name: "getMessage",
    summary: "Get a message",
    description: "One message and how its delivery fares.",
    input: MessageRef,
    output: Message,
    run: findMessage,
  }),
});
