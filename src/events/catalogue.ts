import { conversationEnd } from "../conversations/events.ts";
import { newMessage } from "../messages/events.ts";
import type { EventName } from "../webhooks/contract.ts";
import type { EventType } from "../webhooks/define-event.ts";

/** Every event there is. */
export const eventTypes = {
  new_message: newMessage,
  conversation_end: conversationEnd,
} as unknown as Record<EventName, EventType>;

/** What is announced, and not sent yet. Nobody can subscribe to it. */
export const roadmap: readonly { type: string; description: string }[] = [
  { type: "tool_call", description: "The AI agent used a tool: it created or updated a ticket, or searched the knowledge base." },
  { type: "sentiment_result", description: "The background job has classified the mood of a conversation." },
  { type: "agent.handoff", description: "A conversation was handed from the AI agent to a person, or back." },
];
