import { z } from "zod";
import { defineEvent } from "../webhooks/define-event.ts";
import { Conversation } from "../conversations/contract.ts";
import { Message } from "./contract.ts";

export const newMessage = defineEvent({
  type: "new_message",
  status: "available",
  summary: "A message was stored",
  description:
    "Every inbound and outbound message, once, when it is stored: an outbound one as `queued`; its later status is read through the API. `conversation.handler_mode` tells who answers, so that a hand-over can be derived from it.",
  data: z
    .object({ message: Message, conversation: Conversation })
    .meta({ id: "NewMessageData", description: "The message, and its conversation as it was at that moment." }),
});
