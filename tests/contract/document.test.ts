import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errors } from "../../src/core/errors.ts";
import { nameOf, type Schema } from "../../src/core/example.ts";
import type { Parameter } from "../../src/http/document-nodes.ts";
import { guides, withTables } from "../../src/http/guides.ts";
import { published } from "../../src/http/rest.ts";
import { assertMatches, document } from "../support/document.ts";
import { createWorld } from "../support/world.ts";

interface Example {
  value: { instance: string; required_scope?: string };
}

/** The components that a node leads to. */
function reached(node: unknown, names = new Set<string>()): Set<string> {
  for (const [, name] of JSON.stringify(node).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    if (names.has(name!)) continue;
    names.add(name!);
    reached(document.components.schemas[name!], names);
  }
  return names;
}

const operations = published.map(({ method, path, meta }) => ({
  method,
  path,
  meta,
  operation: document.paths[path]![method.toLowerCase()]!,
}));

test("the committed document is what the code says", () => {
  const committed = readFileSync(new URL("../../openapi/openapi.json", import.meta.url), "utf8");
  expect(committed).toBe(`${JSON.stringify(document, null, 2)}\n`);
});

test.each(guides)("the tables of the guide %s are what the code says", (guide) => {
  const committed = readFileSync(new URL(`../../openapi/guides/${guide}`, import.meta.url), "utf8");
  expect(committed).toBe(withTables(committed));
  expect(committed.match(/<!-- \/\w+ -->/g)).toEqual(["<!-- /capabilities -->", "<!-- /credentials -->"]);
});

test("every operation has a summary, a description, its scope, its real status and an example", () => {
  for (const { operation, meta, path, method } of operations) {
    expect(operation["summary"], `${method} ${path}`).toBeTruthy();
    expect(operation["description"]).toBeTruthy();
    expect(operation["x-required-scope"]).toBe(meta.scope);
    const success = operation.responses[String(meta.status)]!;
    expect("content" in success && Object.values(success.content!)[0]!.example).toBeTruthy();
  }
});

test("every example is one that its own schema accepts", () => {
  for (const { operation, path } of operations) {
    const request = operation.requestBody?.content["application/json"];
    if (request) assertMatches(request.schema, request.example, `the example body of ${path}`);
    for (const [status, response] of Object.entries(operation.responses)) {
      if (!("content" in response)) continue;
      const { schema, example } = Object.values(response.content!)[0]!;
      assertMatches(schema, example, `the example of ${path} ${status}`);
    }
  }
  for (const [type, { post }] of Object.entries(document.webhooks)) {
    const { schema, example } = (post as { requestBody: { content: Record<string, { schema: object; example: unknown }> } }).requestBody
      .content["application/json"]!;
    assertMatches(schema, example, `the example of the webhook ${type}`);
  }
});

test("every code has a page, and the document knows no other", async () => {
  const { app } = await createWorld();
  for (const code of Object.keys(errors)) {
    const response = await app.request(`/docs/errors/${code}`);
    expect(response.status, code).toBe(200);
    expect(await response.text()).toContain(code);
  }
  expect((await app.request("/docs/errors/constructor")).status).toBe(404);
  const { code } = document.components.schemas["Problem"]!["properties"] as { code: { enum: string[] } };
  expect(code.enum).toEqual(Object.keys(errors));
});

test("answers are open, so that fields may be added; a body is not, and neither is what only bodies lead to", () => {
  const answers = reached([...operations.map(({ operation }) => operation.responses), document.webhooks]);
  const bodies = reached(operations.map(({ operation }) => operation.requestBody));
  const isClosed = (name: string) => document.components.schemas[name]!["additionalProperties"] === false;
  expect(answers.size).toBeGreaterThan(50);
  for (const name of answers) expect(JSON.stringify(document.components.schemas[name]), name).not.toContain('"additionalProperties":false');
  const strict = [...bodies].filter((name) => document.components.schemas[name]!["properties"] && !answers.has(name));
  expect(strict).toContain("SendText");
  expect(strict.filter((name) => !isClosed(name))).toEqual([]);
});

test("an error's example has what readers are told to read, and is one of an operation that gives it", () => {
  const members = Object.entries(document.components.schemas["Problem"]!["properties"] as Record<string, Schema>).flatMap(
    ([member, { description = "" }]) =>
      description.startsWith("With ") ? [...description.split(":")[0]!.matchAll(/`(\w+)`/g)].map(([, code]) => ({ code, member })) : [],
  );
  expect(members.length).toBeGreaterThan(5);
  for (const [name, { content }] of Object.entries(document.components.responses)) {
    for (const [code, { value }] of Object.entries(content!["application/problem+json"]!.examples as Record<string, Example>)) {
      assertMatches({ $ref: "#/components/schemas/Problem" }, value, `the example of ${code}`);
      const told = members.filter((one) => one.code === code).map(({ member }) => member);
      expect(Object.keys(value), code).toEqual(expect.arrayContaining(told));
      const givers = Object.values(document.paths[value.instance] ?? {}).filter(({ responses }) =>
        Object.values(responses).some((response) => "$ref" in response && response.$ref.endsWith(`/${name}`)),
      );
      expect(givers.length, `${name} is given by ${value.instance}`).toBeGreaterThan(0);
      if (value.required_scope) expect(givers.map((giver) => giver["x-required-scope"])).toContain(value.required_scope);
    }
  }
});

const repeated = ["error", "error", "connected", "connected"];

test.each([
  ["metadata with a nameless key", "/v1/tickets", "post", "metadata", { "": "x" }, false],
  ["metadata with a long name", "/v1/tickets", "post", "metadata", { ["n".repeat(41)]: "x" }, false],
  ["metadata with a name of 40 characters", "/v1/tickets", "post", "metadata", { ["n".repeat(40)]: "x" }, true],
  ["metadata of 51 keys", "/v1/tickets", "post", "metadata", Object.fromEntries(Array.from({ length: 51 }, (_, n) => [n, "x"])), false],
  ["a metadata patch with a nameless key", "/v1/contacts", "post", "metadata", { "": null }, false],
  ["a search for nothing", "/v1/tickets", "get", "q", "", false],
  ["no time zone", "/v1/usage", "get", "timezone", "", false],
  ["a word twice, and more words than there are", "/v1/channels", "get", "status", repeated, true],
])("%s is the same to the document as to the service", async (_, path, method, name, value, is_taken) => {
  const tenant = await (await createWorld()).tenant();
  const given = { ...(path === "/v1/tickets" && { subject: "Refund" }), ...(path === "/v1/contacts" && { external_id: "customer-1" }) };
  const { parameters, requestBody } = document.paths[path]![method]!;
  const body_schema = requestBody && document.components.schemas[nameOf(requestBody.content["application/json"]!.schema.$ref!)]!;
  const schema = body_schema
    ? (body_schema["properties"] as Record<string, Schema>)[name]!
    : (parameters as Parameter[]).find((parameter) => parameter.name === name)!.schema;
  const query = [value].flat().map((word) => [name, word] as [string, string]);
  const { status } = requestBody
    ? await tenant.post(path, { ...given, [name]: value })
    : await tenant.get(`${path}?${String(new URLSearchParams(query))}`);
  expect(status < 400, "to the service").toBe(is_taken);
  const judge = () => assertMatches(schema, value, name);
  if (is_taken) judge();
  else expect(judge, "to the document").toThrow("differs from the document");
});

test("the bounds of a moment are told wherever one is asked for", () => {
  const asked = operations
    .flatMap(({ operation }) => operation.parameters ?? [])
    .filter((parameter): parameter is Parameter => "schema" in parameter && parameter.schema["format"] === "date-time");
  expect(asked.length).toBeGreaterThan(20);
  for (const { name, description, schema } of asked) {
    const told = description ?? schema.description;
    expect(told, name).toMatch(["from", "to"].includes(name) ? /whole quarter of an hour/ : /between the years 1970 and 9999/);
  }
});

/** The lists of words that stand below a node without a name. */
function unnamed(node: unknown, found = new Set<string>()): Set<string> {
  if (node === null || typeof node !== "object") return found;
  const words = (node as Schema)["enum"];
  if (Array.isArray(words) && words.length > 1) found.add(words.join(" | "));
  for (const [keyword, value] of Object.entries(node)) if (!keyword.startsWith("example")) unnamed(value, found);
  return found;
}

test("what a filter takes and what an answer shows have one name, so that they have one type in a client", () => {
  const filters = unnamed(operations.map(({ operation }) => operation.parameters));
  const shown = unnamed(Object.values(document.components.schemas).map((schema) => schema["properties"]));
  expect(shown.size).toBeGreaterThan(20);
  expect([...filters].filter((words) => shown.has(words))).toEqual([]);
});

test("operation ids are unique and verb first", () => {
  const ids = operations.map(({ operation }) => String(operation["operationId"]));
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids)
    expect(id).toMatch(
      /^(get|list|create|upsert|update|delete|send|close|reopen|retry|revoke|replay|rotate|start|handOff|cancel|expire|test|assign|invite|verify|sync|preview|export)[A-Z]/,
    );
});

test("what is not published has no route", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  expect(await tenant.get("/v1/nothing_here")).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(await world.request("/v1/nothing_here")).toMatchObject({ status: 401 });
});

test("the document is served with this service's own address, and the reference shows every operation", async () => {
  const { app } = await createWorld();
  const served = (await (await app.request("/openapi.json")).json()) as typeof document;
  expect(served.servers).toEqual([{ url: "https://api.wassla.test" }]);
  expect(served.paths).toEqual(JSON.parse(JSON.stringify(document.paths)));
  const page = await app.request("/docs");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  const html = await page.text();
  for (const { operation } of operations) expect(html).toContain(`id="${String(operation["operationId"])}"`);
});
