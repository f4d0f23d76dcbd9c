import { errors, memberExamples, type ErrorCode } from "../core/errors.ts";
import { exampleOf } from "../core/example.ts";
import { exampleId } from "../core/story.ts";
import type { OperationMeta } from "../trpc/procedure.ts";
import type { Document, Response } from "./document-nodes.ts";
import { chapters, type parameters } from "./document-words.ts";
import { lines_type } from "./lines.ts";
import type { Published } from "./rest.ts";

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

/** Tells of an operation what the library cannot know: its scope, its real status, its headers, and every refusal. */
export function describeOperation(document: Document, { method, path, meta }: Published): void {
  const operation = document.paths[path]![method.toLowerCase()]!;
  operation["tags"] = [chapters[path.split("/")[2]!]!.name];
  operation["security"] = [{ api_key: [] }];
  operation["x-required-scope"] = meta.scope;
  operation["description"] = `${String(operation["description"])}\n\n${
    meta.scope === "any" ? "Any valid API key may call it." : `Needs an API key with the scope \`${meta.scope}\`.`
  }`;
  for (const parameter of operation.parameters ?? []) {
    if ("schema" in parameter && parameter.schema.description === parameter.description) delete parameter.schema.description;
  }

  describeBody(document, operation);
  const aspects = aspectsOf(method, meta);
  operation.parameters = [
    ...(operation.parameters ?? []),
    ...aspects.map(({ parameter }) => ({ $ref: `#/components/parameters/${parameter}` })),
  ];
  const { schema } = (operation.responses["200"] as Response).content!["application/json"]!;
  operation.responses = {
    [meta.status]: {
      description: meta.is_stream ? "Any number of lines, each of them one such object." : outcomes[meta.status],
      headers: {
        ...requestIdHeader,
        ...limitHeaders,
        ...(meta.location !== undefined && { Location: header("Location") }),
        ...Object.fromEntries(aspects.flatMap((aspect) => Object.entries(aspect.headers))),
      },
      content: {
        [meta.is_stream ? lines_type : "application/json"]: { schema, example: exampleOf(schema, document.components.schemas) },
      },
    },
    ...(aspects.includes(conditionalRead) && {
      "304": { description: "Not modified: `If-None-Match` still matches.", headers: requestIdHeader },
    }),
    ...refusals(document, path, codesOf({ method, path, meta }, aspects)),
  };
}

const outcomes = { 200: "Done.", 201: "Created.", 202: "Accepted: it goes on in the background." };

/** A body is a component of its own, with an example. */
function describeBody({ components: { schemas } }: Document, operation: Document["paths"][string][string]): void {
  const body = operation.requestBody?.content["application/json"];
  if (!body || !operation.requestBody) return;
  const name = `${pascal(String(operation["operationId"]))}Request`;
  // The library forgets of an input that was refined that it takes no other fields.
  schemas[name] = { ...body.schema, additionalProperties: false };
  body.example = exampleOf(body.schema, schemas);
  operation.requestBody.required = Array.isArray(body.schema["required"]) && body.schema["required"].length > 0;
  body.schema = { $ref: `#/components/schemas/${name}` };
}

/** Every refusal, in the order in which they are told. */
const codesOf = ({ method, path, meta }: Pick<Published, "method" | "path" | "meta">, aspects: Aspect[]): ErrorCode[] => [
  "validation_failed",
  ...when(method === "POST" || method === "PATCH", "malformed_json", "payload_too_large", "unsupported_media_type"),
  "unauthorized",
  ...when(meta.scope !== "any", "forbidden"),
  ...when(path.includes("{"), "not_found"),
  "too_many_requests",
  "internal_error",
  "service_unavailable",
  ...aspects.flatMap(({ errors: codes }) => codes),
  ...meta.errors,
];

const when = (is_so: boolean, ...codes: ErrorCode[]): ErrorCode[] => (is_so ? codes : []);

/** What a standard header brings to every operation of a kind. */
interface Aspect {
  parameter: keyof typeof parameters;
  headers: Record<string, object>;
  errors: readonly ErrorCode[];
}

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
