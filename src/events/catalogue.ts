import { toolCall } from "../agent/events.ts";
import { conversationEnd } from "../conversations/events.ts";
import { newMessage } from "../messages/events.ts";
import { sentimentResult } from "../sentiment/events.ts";
import type { EventName } from "../webhooks/contract.ts";
import type { EventType } from "../webhooks/define-event.ts";

/** Every event that can be subscribed to. */
export const eventTypes = {
  new_message: newMessage,
  conversation_end: conversationEnd,
  tool_call: toolCall,
  sentiment_result: sentimentResult,
} as unknown as Record<EventName, EventType>;

/** What is announced, and has no shape yet: nobody can subscribe to it. */
export const roadmap: readonly { type: string; description: string }[] = [
  { type: "agent.handoff", description: "A conversation was handed from the AI agent to a person, or back." },
  { type: "billing.credits_low", description: "The workspace has spent most of the credits that its plan includes." },
  { type: "billing.credits_spent", description: "The workspace has no credits left: AI work stops, receiving goes on." },
];
