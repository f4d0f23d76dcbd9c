import type { EventType } from "../webhooks/define-event.ts";
import type { Document, Response } from "./document-nodes.ts";
import { pascal } from "./describe-operation.ts";
import { exampleOf, type Schema } from "../core/example.ts";
import { exampleId } from "../core/story.ts";
import { hours, minutes, seconds } from "../core/time.ts";
import { schedule_ms } from "../dispatch/judge.ts";

const waits = schedule_ms.slice(1).map((ms) => {
  const [unit_ms, unit] = (
    [
      [hours(1), "h"],
      [minutes(1), "min"],
    ] as const
  ).find(([long]) => ms >= long) ?? [seconds(1), "s"];
  return `${ms / unit_ms} ${unit}`;
});

export const webhookChapter = {
  name: "Webhooks",
  description: [
    "What is posted to your endpoints, and how to verify it (Standard Webhooks 1.0.0).",
    "Each event is posted at least once, and in no promised order: recognise duplicates by `webhook-id`, and go by the body's `timestamp`.",
    `What is not answered with 2xx within ten seconds is tried again after ${waits.join(", ")}, each a little longer so that not all come at once; meanwhile others are posted.`,
    "What has failed for a day can be replayed, under the same `webhook-id`.",
  ].join(" "),
};

const webhookHeaders: [name: string, required: boolean, description: string, example: string][] = [
  ["webhook-id", true, "The delivery's id: the same on every attempt and replay. Use it to recognise duplicates.", exampleId("dlv")],
  ["webhook-timestamp", true, "The time of this attempt, in Unix seconds.", "1795342512"],
  [
    "webhook-signature",
    true,
    "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each secret that is valid, separated by spaces.",
    "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
  ],
  ["delivery_id", false, "The same as `webhook-id`; absent where the endpoint has turned it off.", exampleId("dlv")],
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
      "2XX": { description: "Received. Answer within ten seconds: any other answer, or none, is tried again for up to 24 hours." },
      "4XX": { description: "Not received. 410 disables the endpoint; with 429, as with 503, `Retry-After` can delay the next attempt." },
    },
  };
}
