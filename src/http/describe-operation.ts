import { errors, memberExamples, type ErrorCode } from "../core/errors.ts";
import { exampleId } from "../core/story.ts";
import type { Document, Response } from "./document-nodes.ts";
import { exampleOf } from "../core/example.ts";
import { lines_type } from "./lines.ts";
import type { OperationMeta } from "../trpc/procedure.ts";
import type { Published } from "./rest.ts";

const of_events = {
  name: "Events",
  description:
    "What happened, as it is posted to webhooks. Events can also be polled; they are kept for the workspace's `event_retention_days` (30 unless changed).",
};
const of_usage = { name: "Usage", description: "What the workspace used, what it cost, and the credits that remain." };

/** The path's first segment decides the chapter. */
export const chapters: Record<string, { name: string; description: string }> = {
  me: { name: "Identity", description: "The API key that makes the request, and its limits." },
  rate_limit: { name: "Identity", description: "The API key that makes the request, and its limits." },
  api_keys: {
    name: "API keys",
    description: "The workspace's API keys. They are created in the portal, so that a leaked key cannot create another.",
  },
  audit_log: { name: "Audit log", description: "Who did what. Entries are never changed or deleted." },
  workspace: { name: "Workspace", description: "The business, and its settings." },
  channels: { name: "Channels", description: "The accounts at providers over which customers reach the workspace." },
  conversations: { name: "Conversations", description: "Exchanges with contacts, on every channel." },
  contacts: { name: "Contacts", description: "The people who write to the business." },
  notes: { name: "Notes", description: "Internal notes of the team: no customer and no provider ever sees them." },
  tickets: { name: "Tickets", description: "Tasks to be done for customers, whichever conversation they came from." },
  team_members: { name: "Team", description: "The people who answer the business's customers." },
  messages: { name: "Messages", description: "Messages, in and out." },
  templates: {
    name: "Templates",
    description: "Messages that WhatsApp approves beforehand, which may be sent outside the 24-hour window.",
  },
  events: of_events,
  event_types: of_events,
  webhook_endpoints: { name: "Webhook endpoints", description: "URLs that events are posted to." },
  webhook_deliveries: { name: "Webhook deliveries", description: "The delivery log, and replay." },
  jobs: { name: "Jobs", description: "Work in the background, and how far it is." },
  usage: of_usage,
  billing: of_usage,
  analytics: { name: "Analytics", description: "Figures about conversations, in any time zone." },
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
  RequestId: { description: "The id of this request; give it to support when you ask about it.", schema: { type: "string" } },
  RateLimitPolicy: { description: "The quota and the length in seconds of each of the three windows.", schema: { type: "string" } },
  RateLimit: { description: "For each window, how many requests remain and the seconds until it resets.", schema: { type: "string" } },
  XRateLimitLimit: { description: "How many requests a minute this API key may make.", schema: { type: "integer" } },
  XRateLimitRemaining: { description: "How many of them remain in this minute.", schema: { type: "integer" } },
  XRateLimitReset: { description: "Seconds until the next window begins.", schema: { type: "integer" } },
  RetryAfter: { description: "How many whole seconds to wait before trying again.", schema: { type: "integer" } },
  Location: { description: "Where the new resource can be read.", schema: { type: "string" } },
  ETag: { description: "The strong entity tag of the resource in its present state.", schema: { type: "string" } },
  IdempotentReplayed: {
    description: "`true`: this is the stored answer to an earlier request with the same `Idempotency-Key`.",
    schema: { type: "string" },
  },
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
    meta.scope === "any" ? "Any valid API key may call it." : `Needs an API key with the scope \`${meta.scope}\`.`
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
        : { 200: "Done.", 201: "Created.", 202: "Accepted: it goes on in the background." }[meta.status],
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
    ...(aspects.includes(conditionalRead) && {
      "304": { description: "Not modified: `If-None-Match` still matches.", headers: requestIdHeader },
    }),
    ...refusals(document, path, [
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
      "Makes it safe to repeat the request: within 24 hours the same key with the same body gets the same answer, and the effect happens once. Printable ASCII characters and no spaces.",
    schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x21-\\x7e]+$", examples: ["order-A-1007-reply-1"] },
  },
  IfNoneMatch: {
    in: "header",
    name: "If-None-Match",
    description: "The `ETag` you have: while the resource is unchanged, the answer is 304 without a body.",
    schema: { type: "string" },
  },
  IfMatch: {
    in: "header",
    name: "If-Match",
    description: "The `ETag` of the state you want to change: if the resource has changed since, nothing happens and the answer is 412.",
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

/** One response for each status. Each set of codes is a component of its own, whose examples are those of the first operation that has it. */
function refusals(document: Document, path: string, codes: readonly ErrorCode[]): Record<string, { $ref: string }> {
  const statuses = [...new Set(codes.map((code) => errors[code].status))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => {
      const alike = codes.filter((code) => errors[code].status === status);
      const name = alike.map(pascal).join("Or");
      document.components.responses[name] ??= refusal(status, alike, path);
      return [String(status), { $ref: `#/components/responses/${name}` }];
    }),
  );
}

function refusal(status: number, codes: ErrorCode[], path: string): Response {
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
        examples: Object.fromEntries(codes.map((code) => [code, { value: problemExample(code, path) }])),
      },
    },
  };
}

const problemExample = (code: ErrorCode, path: string) => ({
  type: `https://api.wassla.dev/docs/errors/${code}`,
  title: errors[code].title,
  status: errors[code].status,
  code,
  detail: errors[code].meaning,
  instance: path,
  request_id: exampleId("req"),
  ...memberExamples(code),
});
