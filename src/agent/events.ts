import { z } from "zod";
import { idField } from "../core/fields.ts";
import { defineEvent } from "../webhooks/define-event.ts";

export const ToolName = z
  .enum(["search_knowledge", "create_ticket", "update_ticket"])
  .meta({ description: "The tool that the agent used.", examples: ["search_knowledge"] });

export const toolCall = defineEvent({
  type: "tool_call",
  status: "roadmap",
  summary: "The AI agent used a tool",
  description:
    "Sent once for each tool call of the AI agent, when it has ended: it created or updated a ticket, or searched the knowledge base.",
  data: z
    .object({
      tool_name: ToolName,
      tool_call_id: z
        .string()
        .meta({ description: "The call's id, as the model gave it: unique within one answer of the agent.", examples: ["call_7Qx1"] }),
      arguments: z.record(z.string(), z.unknown()).meta({
        description: "What the agent gave to the tool.",
        examples: [{ query: "How long does delivery to Belgium take?", top_k: 5 }],
      }),
      result: z
        .record(z.string(), z.unknown())
        .meta({ description: "What the tool answered.", examples: [{ data: [{ title: "Delivery times", score: 0.82 }] }] }),
      conversation_id: idField("conv"),
    })
    .meta({ id: "ToolCallData", description: "The tool call and its result." }),
});
