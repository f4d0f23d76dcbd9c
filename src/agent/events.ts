import { z } from "zod";
import { idField } from "../core/fields.ts";
import { defineEvent } from "../webhooks/define-event.ts";

export const ToolName = z.enum(["search_knowledge", "create_ticket", "update_ticket"]).meta({ description: "Which tool the agent used." });

export const toolCall = defineEvent({
  type: "tool_call",
  status: "roadmap",
  summary: "The AI agent used a tool",
  description: "The AI agent created or updated a ticket, or searched the knowledge base: once for each call, when it has ended.",
  data: z
    .object({
      tool_name: ToolName,
      tool_call_id: z
        .string()
        .meta({ description: "The call's id, as the model gave it: unique in its composition.", examples: ["call_7Qx1"] }),
      arguments: z
        .record(z.string(), z.unknown())
        .meta({ description: "What the agent asked for.", examples: [{ query: "How long does delivery to Belgium take?", top_k: 5 }] }),
      result: z
        .record(z.string(), z.unknown())
        .meta({ description: "What the tool answered.", examples: [{ data: [{ title: "Delivery times", score: 0.82 }] }] }),
      conversation_id: idField("conv"),
    })
    .meta({ id: "ToolCallData", description: "What was asked of the tool, and what it answered." }),
});
