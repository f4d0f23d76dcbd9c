import { z } from "zod";
import { defineEvent } from "../webhooks/define-event.ts";
import { NewConversation } from "../conversations/contract.ts";
import { ReceivedMessage } from "./contract.ts";

export const newMessage = defineEvent({
  type: "new_message",
  status: "available",
  summary: "A message was stored",
  description:
    "Sent once for every inbound and outbound message, when it is stored. An outbound message is `queued` then: read its later status through the API. `conversation.handler_mode` says who answers, so that a hand-over can be recognised.",
  data: z
    .object({ message: ReceivedMessage, conversation: NewConversation })
    .meta({ id: "NewMessageData", description: "The message, and its conversation at that moment." }),
});
