import { z } from "zod";
import { ChannelKind } from "../channels/contract.ts";
import { idField } from "../core/fields.ts";
import { defineEvent } from "../webhooks/define-event.ts";
import { ClosedBy, Conversation } from "./contract.ts";

export const conversationEnd = defineEvent({
  type: "conversation_end",
  status: "available",
  summary: "A conversation ended",
  description: "A team member, the API or the AI agent marked it resolved, the inactivity timer closed it, or the customer ended the call.",
  data: z
    .object({
      conversation_id: idField("conv"),
      channel: ChannelKind,
      status: z.enum(["resolved", "timed_out", "ended"]),
      duration_seconds: z.number().int(),
      portal_url: z.string().meta({ format: "uri" }),
      closed_by: ClosedBy,
      conversation: Conversation,
    })
    .meta({ id: "ConversationEndData", description: "How it ended, and the conversation itself." }),
});
