import { read, router, write } from "../trpc/procedure.ts";
import { assignConversation } from "./assign-conversation.ts";
import { closeConversation } from "./close-conversation.ts";
import {
  AssignConversation,
  AssignmentList,
  Conversation,
  ConversationList,
  ConversationRef,
  HandOffConversation,
  ListAssignments,
  ListContactConversations,
  ListConversations,
  StartConversation,
  UpdateConversation,
} from "./contract.ts";
import { findConversation, showLockedConversation } from "./find-conversation.ts";
import { handOffConversation } from "./hand-off-conversation.ts";
import { listAssignments } from "./list-assignments.ts";
import { listContactConversations, listConversations } from "./list-conversations.ts";
import { reopenConversation } from "./reopen-conversation.ts";
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
  assign: write({
    route: "POST /v1/conversations/{conversation_id}/assign",
    name: "assignConversation",
    summary: "Assign a conversation",
    description:
      "Gives an open conversation to a member of the team, or to nobody. Where a member is given one, a person answers from now on: `handler_mode` becomes `human`. Taking it from a member leaves `handler_mode` as it is. What is so already is no change. Whoever is removed from the team loses what is open.",
    input: AssignConversation,
    output: Conversation,
    errors: ["conversation_closed"],
    run: assignConversation,
  }),
  listAssignments: read({
    route: "GET /v1/conversations/{conversation_id}/assignments",
    name: "listConversationAssignments",
    summary: "List a conversation's assignments",
    description: "Who had the conversation, and who gave it to whom, the newest first.",
    input: ListAssignments,
    output: AssignmentList,
    errors: ["invalid_cursor"],
    run: listAssignments,
  }),
});
