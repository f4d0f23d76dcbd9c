import { read, router, write } from "../trpc/procedure.ts";
import { assignConversation } from "./assign-conversation.ts";
import { closeConversation } from "./close-conversation.ts";
import {
  AssignConversation,
  AssignmentList,
  ClosedConversation,
  Conversation,
  ConversationList,
  ConversationRef,
  HandOffConversation,
  ListAssignments,
  ListContactConversations,
  ListConversations,
  StartConversation,
  StartedConversation,
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
      "Opens a conversation without messages. Name the contact by `contact_id` or by `to`; an unknown person becomes a contact. A contact has at most one open conversation on a channel: where there is one already, the answer is 409 `invalid_status_transition`, and its `conversation_id` names that conversation. No call is made: on a telephone line only the contact starts conversations. To write in the open conversation, or in a new one if there is none, use POST /v1/messages.",
    input: StartConversation,
    output: StartedConversation,
    status: 201,
    location: "/v1/conversations/{id}",
    errors: ["channel_disconnected", "call_not_active", "invalid_status_transition", "recipient_unreachable"],
    run: startConversation,
  }),
  get: read({
    route: "GET /v1/conversations/{conversation_id}",
    name: "getConversation",
    summary: "Get a conversation",
    description: "One conversation. `messaging_window` says what may be sent at this moment.",
    input: ConversationRef,
    output: Conversation,
    run: findConversation,
  }),
  update: write({
    route: "PATCH /v1/conversations/{conversation_id}",
    name: "updateConversation",
    summary: "Update a conversation",
    description:
      "Changes the fields that are named; `metadata` is merged: a key that is null is removed. Setting a field to its present value changes nothing, and neither does an empty body. `status` can be changed between `open` and `pending` only. On a closed conversation `status` and `handler_mode` cannot be changed; all other fields can.",
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
    description: "Marks the conversation `resolved` and sends `conversation_end`. The contact's next message opens a new conversation.",
    input: ConversationRef,
    output: ClosedConversation,
    errors: ["conversation_closed"],
    run: closeConversation,
  }),
  reopen: write({
    route: "POST /v1/conversations/{conversation_id}/reopen",
    name: "reopenConversation",
    summary: "Reopen a conversation",
    description:
      "Opens a conversation again that is `resolved` or `timed_out`. Refused for one that the contact `ended`, and while another one with the same contact on the same channel is open: `conversation_id` of the error names that one.",
    input: ConversationRef,
    output: Conversation,
    errors: ["invalid_status_transition"],
    run: reopenConversation,
  }),
  handOff: write({
    route: "POST /v1/conversations/{conversation_id}/handoff",
    name: "handOffConversation",
    summary: "Hand off a conversation",
    description:
      "Sets who answers from now on: the AI agent, a person, or nobody in particular. The audit log keeps who handed it off, and the note. Sending a message through the API does not change who answers.",
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
      "Assigns an open conversation to a team member, or to nobody. Assigned to a member, its `handler_mode` becomes `human`; unassigned, it keeps its `handler_mode`. Assigning it to the member who has it already changes nothing. When a member is removed, their open conversations become unassigned.",
    input: AssignConversation,
    output: Conversation,
    errors: ["conversation_closed"],
    run: assignConversation,
  }),
  listAssignments: read({
    route: "GET /v1/conversations/{conversation_id}/assignments",
    name: "listConversationAssignments",
    summary: "List a conversation's assignments",
    description: "To whom the conversation was assigned, when and by whom, the newest first.",
    input: ListAssignments,
    output: AssignmentList,
    errors: ["invalid_cursor"],
    run: listAssignments,
  }),
});
