import { generateOpenApiDocument } from "trpc-to-openapi";
import type { z } from "zod";
import { eventTypes } from "../events/catalogue.ts";
import { appRouter } from "../router.ts";
import { describeOperation } from "./describe-operation.ts";
import { chapters, headers, parameters } from "./document-words.ts";
import { describeWebhook, payloadOf, webhookChapter } from "./describe-webhook.ts";
import type { Document } from "./document-nodes.ts";
import { nameOf, type Schema } from "../core/example.ts";
import { Problem } from "./problem-schema.ts";
import { published } from "./rest.ts";

const events = Object.values(eventTypes);

const description = `Wassla answers a business's customers on WhatsApp, Instagram, a Facebook Page, Twilio SMS, Twilio voice and a web widget. This API reads and answers their conversations, and posts signed webhooks when something happens.

Every request carries \`Authorization: Bearer wsk_live_…\`. An API key belongs to one workspace and has scopes, which are independent of each other; each operation names the scope it needs as \`x-required-scope\`. Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`. Fields and enum values may be added at any time: ignore what you do not know.`;

/** The document: what trpc-to-openapi makes of the procedures, and one pass that tells the rest of the truth. */
export function buildDocument(): Document {
  const document = generateOpenApiDocument(appRouter as never, {
    title: "Wassla API",
    version: "1.0.0",
    description,
    baseUrl: "/",
    openApiVersion: "3.1.1",
    securitySchemes: { api_key: { type: "http", scheme: "bearer", description: "An API key: `wsk_live_` and 38 characters." } },
    // As if they were answers, so that they share their components with the operations.
    paths: Object.fromEntries([
      ["/problem", answering(Problem)],
      ...events.map((event) => [`/${event.type}`, answering(event.payload)]),
    ]) as never,
  }) as unknown as Document & { info: Record<string, unknown> };

  document.info["contact"] = { name: "Wassla", url: "https://wassla.dev/support" };
  document.info["license"] = { name: "Terms of service", url: "https://wassla.dev/terms" };
  document["tags"] = [...new Map([...Object.values(chapters), webhookChapter].map((chapter) => [chapter.name, chapter])).values()];
  document.components.headers = headers;
  document.components.parameters = parameters;
  document.components.responses = {};
  document.components.schemas["EventPayload"] = {
    description: "The body that is posted, depending on its `type`.",
    oneOf: events.map((event) => payloadOf(document, event)),
  };
  openAnswers(document);
  for (const operation of published) describeOperation(document, operation);
  document.webhooks = Object.fromEntries(events.map((event) => [event.type, { post: describeWebhook(document, event) }]));
  for (const path of ["/problem", ...events.map((event) => `/${event.type}`)]) delete document.paths[path];
  walk([document.paths, document.components.schemas], tidy);
  for (const name of Object.keys(document.components.schemas)) if (name.startsWith("error.")) delete document.components.schemas[name];
  document.components.schemas = Object.fromEntries(Object.entries(document.components.schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  return document;
}

const answering = (schema: z.ZodType) => ({
  get: { responses: { 200: { description: "", content: { "application/json": { schema } } } } },
});

/** Adding a field must not break a client: whatever an answer leads to is open. What only requests lead to says that it is not. */
function openAnswers({ paths, components: { schemas } }: Document): void {
  const opened = new Set<string>();
  const open = (node: Schema): void => {
    if (node["additionalProperties"] === false) delete node["additionalProperties"];
    if (node.$ref === undefined || opened.has(node.$ref)) return;
    opened.add(node.$ref);
    walk(schemas[nameOf(node.$ref)], open);
  };
  for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) walk(operation.responses, open);
}

function tidy(node: Schema): void {
  if (node["maximum"] === Number.MAX_SAFE_INTEGER) delete node["maximum"];
  if (node["minimum"] === Number.MIN_SAFE_INTEGER) delete node["minimum"];
  // Of what a name may be, that it is text says nothing.
  if (Object.keys(node["propertyNames"] ?? {}).join() === "type") delete node["propertyNames"];
  // It was chosen for the whole that it stands in, which shows it.
  if (node.$ref !== undefined) delete node["examples"];
}

function walk(node: unknown, visit: (node: Schema) => void): void {
  if (node === null || typeof node !== "object") return;
  if (!Array.isArray(node)) visit(node as Schema);
  for (const value of Object.values(node)) walk(value, visit);
}
