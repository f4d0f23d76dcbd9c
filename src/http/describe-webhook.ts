import type { EventType } from "../webhooks/define-event.ts";
import type { Document, Response } from "./document-nodes.ts";
import { pascal } from "./describe-operation.ts";
import { exampleOf, type Schema } from "../core/example.ts";

export const webhookChapter = {
  name: "Webhooks",
  description: "What is posted to your endpoints, and how to verify it (Standard Webhooks 1.0.0).",
};

const webhookHeaders: [name: string, required: boolean, description: string, example: string][] = [
  ["webhook-id", true, "The delivery's id: the same on every attempt and replay. De-duplicate by it.", "dlv_01m7x0q4w6e8r9t2y3v5n7b1c4"],
  ["webhook-timestamp", true, "Unix seconds of this attempt.", "1795342512"],
  [
    "webhook-signature",
    true,
    "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each live secret, separated by spaces.",
    "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
  ],
  ["delivery_id", false, "The same as `webhook-id`, unless the endpoint has turned it off.", "dlv_01m7x0q4w6e8r9t2y3v5n7b1c4"],
  ["wassla-event", true, "The event's type.", "new_message"],
  ["wassla-attempt", true, "The attempt's number, from 1.", "1"],
];

/** What is posted, as the document knows it. */
export function payloadOf(document: Document, event: EventType): Schema {
  const answer = document.paths[`/${event.type}`]!["get"]!.responses["200"] as Response;
  return answer.content!["application/json"]!.schema;
}

/** What a receiver gets, as an operation of theirs. */
export function describeWebhook(document: Document, event: EventType): object {
  const schema = payloadOf(document, event);
  return {
    operationId: `on${pascal(event.type)}`,
    tags: [webhookChapter.name],
    summary: event.summary,
    description: event.description,
    security: [],
    parameters: webhookHeaders.map(([name, required, text, example]) => ({
      in: "header",
      name,
      required,
      description: text,
      schema: { type: "string", examples: [example] },
    })),
    requestBody: {
      required: true,
      content: { "application/json": { schema, example: exampleOf(schema, document.components.schemas) } },
    },
    responses: {
      "2XX": { description: "Received. Answer within ten seconds; anything else is tried again for up to 24 hours." },
      "4XX": { description: "Not received. 410 disables the endpoint; 429 may say when to come back." },
    },
  };
}
