import { generateOpenApiDocument } from "trpc-to-openapi";
import { z } from "zod";
import { conversationEnd, newMessage } from "../conversations/events.ts";
import { errors, type ErrorCode } from "../core/errors.ts";
import { appRouter } from "../router.ts";
import type { EventType } from "../webhooks/define-event.ts";
import { exampleOf, type Schema } from "./example.ts";
import { published, type Published } from "./rest.ts";

/** The four kinds of node that are worked on; everything else passes through as it is. */
interface Response {
  description: string;
  headers?: object;
  content?: Record<string, { schema: Schema; example?: unknown; examples?: object }>;
}
interface Operation {
  parameters?: { name: string; description?: string; schema: Schema }[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema; example?: unknown }> };
  responses: Record<string, Response | { $ref: string }>;
  [member: string]: unknown;
}
export interface Document {
  openapi: string;
  servers: { url: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, { post: object }>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response>; headers: Record<string, object>; securitySchemes: object };
  [member: string]: unknown;
}

const events: EventType[] = [newMessage, conversationEnd] as unknown as EventType[];

const description = `Wassla answers a business's customers on WhatsApp, Instagram, a Facebook Page, Twilio SMS, Twilio voice and a web widget. This API reads and answers their conversations, and posts signed webhooks when something happens.

Every request carries \`Authorization: Bearer wsk_live_…\`. A key belongs to one workspace and has scopes, which are independent of each other: each operation names the one it needs as \`x-required-scope\`. Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`. Fields and enum values may be added at any time: ignore what you do not know.`;

/** The path's first segment decides the chapter. */
const chapters: Record<string, { name: string; description: string }> = {
  me: { name: "Identity", description: "Who makes the request." },
  conversations: { name: "Conversations", description: "Exchanges with contacts, on every channel." },
  messages: { name: "Messages", description: "What was said, in and out." },
  webhook_endpoints: { name: "Webhook endpoints", description: "URLs that events are posted to." },
  webhook_deliveries: { name: "Webhook deliveries", description: "The delivery log, and replay." },
  webhook_secret: { name: "Webhook secret", description: "What webhooks are signed with." },
};
const webhookChapter = { name: "Webhooks", description: "What is posted to your endpoints, and how to verify it (Standard Webhooks 1.0.0)." };

/** RFC 9457, with this API's own members. */
const Problem = z
  .object({
    type: z.string().meta({ format: "uri", description: "The page of this code." }),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(Object.keys(errors) as [ErrorCode, ...ErrorCode[]]).meta({ description: "What to branch on. It never changes." }),
    detail: z.string().meta({ description: "For people; may change." }),
    instance: z.string().meta({ description: "The template of the route." }),
    request_id: z.string().meta({ description: "Quote it to support." }),
    errors: z
      .array(z.object({ pointer: z.string().meta({ description: "Where, as a JSON pointer (RFC 6901)." }), code: z.string(), detail: z.string() }))
      .optional(),
    reason: z
      .enum(["missing_token", "malformed_token", "unknown_token", "revoked_token", "expired_token"])
      .meta({ description: "With `unauthorized`." })
      .optional(),
    required_scope: z.string().meta({ description: "With `forbidden`." }).optional(),
    granted_scopes: z.array(z.string()).meta({ description: "With `forbidden`." }).optional(),
    limit: z
      .object({ scope: z.enum(["ip", "key", "tenant"]), limit: z.number().int(), window_seconds: z.number().int(), reset_at: z.string() })
      .meta({ description: "With `too_many_requests`: the window that is full." })
      .optional(),
  })
  .meta({ id: "Problem", description: "What went wrong." });

const pascal = (text: string): string => text.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
const header = (name: string) => ({ $ref: `#/components/headers/${name}` });
const requestIdHeader = { "X-Request-Id": header("RequestId") };
const limitHeaders = {
  "RateLimit-Policy": header("RateLimitPolicy"),
  RateLimit: header("RateLimit"),
  "X-RateLimit-Limit": header("XRateLimitLimit"),
  "X-RateLimit-Remaining": header("XRateLimitRemaining"),
  "X-RateLimit-Reset": header("XRateLimitReset"),
};
const headers = {
  RequestId: { description: "The id of this request: quote it to support.", schema: { type: "string" } },
  RateLimitPolicy: { description: "The three windows: quota and seconds of each.", schema: { type: "string" } },
  RateLimit: { description: "What remains of each window, and seconds to its reset.", schema: { type: "string" } },
  XRateLimitLimit: { description: "Requests a minute of this key.", schema: { type: "integer" } },
  XRateLimitRemaining: { description: "What remains of them in this minute.", schema: { type: "integer" } },
  XRateLimitReset: { description: "Seconds to the next minute's window.", schema: { type: "integer" } },
  RetryAfter: { description: "Whole seconds to wait.", schema: { type: "integer" } },
  Location: { description: "Where the new resource can be read.", schema: { type: "string" } },
  WwwAuthenticate: { description: "The challenge (RFC 6750).", schema: { type: "string" } },
};

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
    paths: Object.fromEntries([["/problem", answering(Problem)], ...events.map((event) => [`/${event.type}`, answering(event.payload)])]) as never,
  }) as unknown as Document & { info: Record<string, unknown> };

  document.info["contact"] = { name: "Wassla", url: "https://wassla.dev/support" };
  document.info["license"] = { name: "Terms of service", url: "https://wassla.dev/terms" };
  document["tags"] = [...Object.values(chapters), webhookChapter];
  document.components.headers = headers;
  document.components.responses = {};
  walk(document.paths, tidy);
  for (const operation of published) describe(document, operation);
  document.webhooks = Object.fromEntries(events.map((event) => [event.type, { post: webhook(document, event) }]));
  for (const path of ["/problem", ...events.map((event) => `/${event.type}`)]) delete document.paths[path];
  walk(document.components.schemas, tidy);
  for (const name of Object.keys(document.components.schemas)) if (name.startsWith("error.")) delete document.components.schemas[name];
  document.components.schemas = Object.fromEntries(Object.entries(document.components.schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  return document;
}

const answering = (schema: z.ZodType) => ({ get: { responses: { 200: { description: "", content: { "application/json": { schema } } } } } });

function describe(document: Document, { method, path, meta, input }: Published): void {
  const operation = document.paths[path]![method.toLowerCase()]!;
  const has_body = method === "POST" || method === "PATCH";
  const name = String(operation["operationId"]);
  operation["tags"] = [chapters[path.split("/")[2]!]!.name];
  operation["security"] = [{ api_key: [] }];
  operation["x-required-scope"] = meta.scope;
  operation["description"] = `${String(operation["description"])}\n\n${
    meta.scope === "any" ? "Any valid key may ask." : `Needs a key with the scope \`${meta.scope}\`.`
  }`;
  for (const parameter of operation.parameters ?? []) if (parameter.schema["description"] === parameter.description) delete parameter.schema["description"];

  const body = operation.requestBody?.content["application/json"];
  if (body && operation.requestBody) {
    document.components.schemas[`${pascal(name)}Request`] = body.schema;
    body.example = exampleOf(body.schema, document.components.schemas);
    body.schema = { $ref: `#/components/schemas/${pascal(name)}Request` };
    operation.requestBody.required = !input.safeParse(placeholders(path)).success;
  }

  const success = (operation.responses["200"] as Response).content!["application/json"]!.schema;
  operation.responses = {
    [meta.status]: {
      description: { 200: "Done.", 201: "Made.", 202: "Taken; it goes on in the background." }[meta.status],
      headers: { ...requestIdHeader, ...limitHeaders, ...(meta.location !== undefined && { Location: header("Location") }) },
      content: { "application/json": { schema: success, example: exampleOf(success, document.components.schemas) } },
    },
    ...refusals(document, [
      "validation_failed",
      ...(has_body ? (["malformed_json", "payload_too_large", "unsupported_media_type"] as const) : []),
      "unauthorized",
      ...(meta.scope === "any" ? [] : (["forbidden"] as const)),
      ...(path.includes("{") ? (["not_found"] as const) : []),
      "too_many_requests",
      "internal_error",
      "service_unavailable",
      ...meta.errors,
    ]),
  };
}

/** Path parameters that are well-formed: what else is required must then come in the body. */
const placeholders = (path: string): object =>
  Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, `${idPrefixes[name!]}_01m7x0q4w6e8r9t2y3v5n7b1c4`]));
const idPrefixes: Record<string, string> = { conversation_id: "conv", message_id: "msg", endpoint_id: "whe", delivery_id: "dlv" };

/** One response for each status; each set of codes is a component of its own. */
function refusals(document: Document, codes: readonly ErrorCode[]): Record<string, { $ref: string }> {
  const statuses = [...new Set(codes.map((code) => errors[code].status))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => {
      const alike = codes.filter((code) => errors[code].status === status);
      const name = alike.map(pascal).join("Or");
      document.components.responses[name] ??= refusal(status, alike);
      return [String(status), { $ref: `#/components/responses/${name}` }];
    }),
  );
}

function refusal(status: number, codes: ErrorCode[]): Response {
  return {
    description: codes.map((code) => `\`${code}\`: ${errors[code].meaning}`).join("\n\n"),
    headers: {
      ...requestIdHeader,
      ...(status === 429 || status === 503 ? { "Retry-After": header("RetryAfter") } : {}),
      ...(status === 401 ? { "WWW-Authenticate": header("WwwAuthenticate") } : {}),
    },
    content: {
      "application/problem+json": {
        schema: { $ref: "#/components/schemas/Problem" },
        examples: Object.fromEntries(codes.map((code) => [code, { value: problemExample(code) }])),
      },
    },
  };
}

const problemExample = (code: ErrorCode) => ({
  type: `https://api.wassla.dev/docs/errors/${code}`,
  title: errors[code].title,
  status: errors[code].status,
  code,
  detail: errors[code].meaning,
  instance: "/v1/conversations/{conversation_id}",
  request_id: "req_01m7x0q4w6e8r9t2y3v5n7b1c4",
});

const webhookHeaders: [name: string, required: boolean, description: string, example: string][] = [
  ["webhook-id", true, "The delivery's id: the same on every attempt and replay. De-duplicate by it.", "dlv_01m7x0q4w6e8r9t2y3v5n7b1c4"],
  ["webhook-timestamp", true, "Unix seconds of this attempt.", "1795342512"],
  ["webhook-signature", true, "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each live secret, separated by spaces.", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="],
  ["delivery_id", false, "The same as `webhook-id`, unless the endpoint has turned it off.", "dlv_01m7x0q4w6e8r9t2y3v5n7b1c4"],
  ["wassla-event", true, "The event's type.", "new_message"],
  ["wassla-attempt", true, "The attempt's number, from 1.", "1"],
];

function webhook(document: Document, event: EventType): object {
  const answer = document.paths[`/${event.type}`]!["get"]!.responses["200"] as Response;
  const { schema } = answer.content!["application/json"]!;
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

/** Adding a field must not break a client, so answers are open; requests say that they are not. */
function tidy(node: Schema, is_request: boolean): void {
  if (node["additionalProperties"] === false && !is_request) delete node["additionalProperties"];
  if (node["maximum"] === Number.MAX_SAFE_INTEGER) delete node["maximum"];
  if (node["minimum"] === Number.MIN_SAFE_INTEGER) delete node["minimum"];
  delete node["propertyNames"];
}

function walk(node: unknown, visit: (node: Schema, is_request: boolean) => void, is_request = false): void {
  if (node === null || typeof node !== "object") return;
  if (!Array.isArray(node)) visit(node as Schema, is_request);
  for (const [key, value] of Object.entries(node)) walk(value, visit, is_request || key === "requestBody" || key.endsWith("Request") || key.startsWith("Send"));
}
