import { errors, type ErrorCode } from "../core/errors.ts";
import type { Document, Response } from "./document-nodes.ts";
import { exampleOf } from "../core/example.ts";
import { lines_type } from "./lines.ts";
import type { OperationMeta } from "../trpc/procedure.ts";
import type { Published } from "./rest.ts";

const of_events = {
  name: "Events",
  description: "What happened, as it is posted to webhooks: kept for the workspace's `event_retention_days` (30), to be polled.",
};
const of_usage = { name: "Usage", description: "What the workspace used, and how its credits stand." };

/** The path's first segment decides the chapter. */
export const chapters: Record<string, { name: string; description: string }> = {
  me: { name: "Identity", description: "Who makes the request." },
  rate_limit: { name: "Identity", description: "Who makes the request." },
  api_keys: {
    name: "API keys",
    description: "Which keys there are. They are made in the portal, so that a leaked one cannot make another.",
  },
  audit_log: { name: "Audit log", description: "Who did what. It is only ever added to." },
  workspace: { name: "Workspace", description: "The business, and what it decides for itself." },
  channels: { name: "Channels", description: "The accounts by which the workspace is reached." },
  conversations: { name: "Conversations", description: "Exchanges with contacts, on every channel." },
  contacts: { name: "Contacts", description: "The people who write to the business." },
  notes: { name: "Notes", description: "What the team writes for itself: no customer and no provider ever sees it." },
  tickets: { name: "Tickets", description: "What is to be done for a customer, whichever conversation it came from." },
  team_members: { name: "Team", description: "The people who answer the business's customers." },
  messages: { name: "Messages", description: "What was said, in and out." },
  templates: { name: "Templates", description: "Messages that WhatsApp approved beforehand, which may be sent at any time." },
  events: of_events,
  event_types: of_events,
  webhook_endpoints: { name: "Webhook endpoints", description: "URLs that events are posted to." },
  webhook_deliveries: { name: "Webhook deliveries", description: "The delivery log, and replay." },
  jobs: { name: "Jobs", description: "What goes on in the background, and how far it is." },
  usage: of_usage,
  billing: of_usage,
  analytics: { name: "Analytics", description: "How conversations fare, in any time zone." },
  webhook_secret: { name: "Webhook secret", description: "What webhooks are signed with." },
};

export const pascal = (text: string): string => text.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
const header = (name: string) => ({ $ref: `#/components/headers/${name}` });
const requestIdHeader = { "X-Request-Id": header("RequestId") };
const limitHeaders = {
  "RateLimit-Policy": header("RateLimitPolicy"),
  RateLimit: header("RateLimit"),
  "X-RateLimit-Limit": header("XRateLimitLimit"),
  "X-RateLimit-Remaining": header("XRateLimitRemaining"),
  "X-RateLimit-Reset": header("XRateLimitReset"),
};
export const headers = {
  RequestId: { description: "The id of this request: quote it to support.", schema: { type: "string" } },
  RateLimitPolicy: { description: "The three windows: quota and seconds of each.", schema: { type: "string" } },
  RateLimit: { description: "What remains of each window, and seconds to its reset.", schema: { type: "string" } },
  XRateLimitLimit: { description: "Requests a minute of this key.", schema: { type: "integer" } },
  XRateLimitRemaining: { description: "What remains of them in this minute.", schema: { type: "integer" } },
  XRateLimitReset: { description: "Seconds to the next minute's window.", schema: { type: "integer" } },
  RetryAfter: { description: "Whole seconds to wait.", schema: { type: "integer" } },
  Location: { description: "Where the new resource can be read.", schema: { type: "string" } },
  ETag: { description: "The strong entity tag of this state of the resource.", schema: { type: "string" } },
  IdempotentReplayed: { description: "`true`: this answer was given before to the same `Idempotency-Key`.", schema: { type: "string" } },
  WwwAuthenticate: { description: "The challenge (RFC 6750).", schema: { type: "string" } },
};

/** Tells of an operation what the library cannot know: its scope, its real status, its headers, and every refusal. */
export function describeOperation(document: Document, { method, path, meta }: Published): void {
  const operation = document.paths[path]![method.toLowerCase()]!;
  const has_body = method === "POST" || method === "PATCH";
  const name = String(operation["operationId"]);
  operation["tags"] = [chapters[path.split("/")[2]!]!.name];
  operation["security"] = [{ api_key: [] }];
  operation["x-required-scope"] = meta.scope;
  operation["description"] = `${String(operation["description"])}\n\n${
    meta.scope === "any" ? "Any valid key may ask." : `Needs a key with the scope \`${meta.scope}\`.`
  }`;
  for (const parameter of operation.parameters ?? []) {
    if ("schema" in parameter && parameter.schema.description === parameter.description) delete parameter.schema.description;
  }

  const body = operation.requestBody?.content["application/json"];
  if (body && operation.requestBody) {
    // The library forgets of an input that was refined that it takes no other fields.
    document.components.schemas[`${pascal(name)}Request`] = { ...body.schema, additionalProperties: false };
    body.example = exampleOf(body.schema, document.components.schemas);
    operation.requestBody.required = Array.isArray(body.schema["required"]) && body.schema["required"].length > 0;
    body.schema = { $ref: `#/components/schemas/${pascal(name)}Request` };
  }

  const success = (operation.responses["200"] as Response).content!["application/json"]!.schema;
  const aspects = aspectsOf(method, meta);
  operation.parameters = [
    ...(operation.parameters ?? []),
    ...aspects.flatMap(({ parameter }) => ({ $ref: `#/components/parameters/${parameter}` })),
  ];
  operation.responses = {
    [meta.status]: {
      description: meta.is_stream
        ? "Any number of lines, each of them one such object."
        : { 200: "Done.", 201: "Made.", 202: "Taken; it goes on in the background." }[meta.status],
      headers: {
        ...requestIdHeader,
        ...limitHeaders,
        ...(meta.location !== undefined && { Location: header("Location") }),
        ...Object.fromEntries(aspects.flatMap((aspect) => Object.entries(aspect.headers))),
      },
      content: {
        [meta.is_stream ? lines_type : "application/json"]: { schema: success, example: exampleOf(success, document.components.schemas) },
      },
    },
    ...(aspects.includes(conditionalRead) && { "304": { description: "It is what `If-None-Match` names.", headers: requestIdHeader } }),
    ...refusals(document, [
      "validation_failed",
      ...(has_body ? (["malformed_json", "payload_too_large", "unsupported_media_type"] as const) : []),
      "unauthorized",
      ...(meta.scope === "any" ? [] : (["forbidden"] as const)),
      ...(path.includes("{") ? (["not_found"] as const) : []),
      "too_many_requests",
      "internal_error",
      "service_unavailable",
      ...aspects.flatMap(({ errors: codes }) => codes),
      ...meta.errors,
    ]),
  };
}

/** What a standard header brings to every operation of a kind. */
interface Aspect {
  parameter: keyof typeof parameters;
  headers: Record<string, object>;
  errors: readonly ErrorCode[];
}

export const parameters = {
  IdempotencyKey: {
    in: "header",
    name: "Idempotency-Key",
    description:
      "Makes it safe to repeat the request: within 24 hours the same key and body get the same answer, and the effect happens once.",
    schema: { type: "string", minLength: 1, maxLength: 255, examples: ["order-A-1007-reply-1"] },
  },
  IfNoneMatch: {
    in: "header",
    name: "If-None-Match",
    description: "The `ETag` you have: while it is still the same, the answer is 304 and has no body.",
    schema: { type: "string" },
  },
  IfMatch: {
    in: "header",
    name: "If-Match",
    description: "The `ETag` you decided by: if the resource has changed since, nothing happens and the answer is 412.",
    schema: { type: "string" },
  },
};

const idempotent: Aspect = {
  parameter: "IdempotencyKey",
  headers: { "Idempotent-Replayed": header("IdempotentReplayed") },
  errors: ["idempotency_in_progress", "idempotency_key_reused"],
};
const conditionalRead: Aspect = { parameter: "IfNoneMatch", headers: { ETag: header("ETag") }, errors: [] };
const conditionalChange: Aspect = { parameter: "IfMatch", headers: {}, errors: ["precondition_failed"] };

function aspectsOf(method: string, { is_list, is_stream }: OperationMeta): Aspect[] {
  if (method === "POST") return [idempotent];
  if (method === "PATCH" || method === "DELETE") return [conditionalChange];
  return is_list || is_stream ? [] : [conditionalRead];
}

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
