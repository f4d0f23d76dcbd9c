import { z } from "zod";
import { ChannelKind } from "../channels/contract.ts";
import { idField, Timestamp } from "../core/fields.ts";
import { defineEvent } from "../webhooks/define-event.ts";
import { ClosedBy, ClosedConversation } from "./contract.ts";
import { story } from "../core/story.ts";

const end = defineEvent({
  type: "conversation_end",
  status: "available",
  summary: "A conversation ended",
  description:
    "Sent once each time a conversation is closed: a team member, the API or the AI agent resolved it, the inactivity timer closed it, or the contact ended the call.",
  data: z
    .object({
      conversation_id: idField("conv"),
      channel: ChannelKind,
      status: z.enum(["resolved", "timed_out", "ended"]).meta({ description: "How it was closed: see the conversation's `status`." }),
      duration_seconds: z
        .number()
        .int()
        .meta({ description: "From creation to close.", examples: [1058] }),
      portal_url: z.string().meta({ format: "uri", description: "The conversation's page in the portal.", examples: [story.portal_url] }),
      closed_by: ClosedBy.meta({ description: "Who closed it.", examples: ["api"] }),
      conversation: ClosedConversation,
    })
    .meta({ id: "ConversationEndData", description: "How it ended, and the conversation as it was closed." }),
});

/** Its example is posted when the story's conversation closes, and not when it begins. */
export const conversationEnd: typeof end = {
  ...end,
  payload: (end.payload as z.ZodObject)
    .extend({ timestamp: Timestamp.meta({ examples: [story.closed_at] }) })
    .meta({ ...end.payload.meta() }),
};
