import { html } from "hono/html";
import { errors, type ErrorCode } from "../core/errors.ts";
import type { Document, Parameter } from "./document-nodes.ts";
import { nameOf, type Schema } from "../core/example.ts";

export type Markup = ReturnType<typeof html>;

interface Tag {
  name: string;
  description: string;
}
interface Shown {
  id: string;
  method: string;
  path: string;
  operation: Document["paths"][string][string];
}

/** The whole reference on one page, made of the document alone. */
export function referencePage(document: Document): Markup {
  const tags = document["tags"] as Tag[];
  const shown = [...operationsIn(document.paths), ...operationsIn(document.webhooks as unknown as Document["paths"])];
  const chapters = tags.map((tag) => ({
    ...tag,
    shown: shown.filter(({ operation }) => (operation["tags"] as string[]).includes(tag.name)),
  }));
  const { title, description } = document["info"] as { title: string; description: string };

  return page(
    title,
    html`<nav aria-label="Contents">
        <strong>${title}</strong>
        ${chapters.map(
          (chapter) =>
            html`<a class="chapter" href="#${anchor(chapter.name)}">${chapter.name}</a>
              ${chapter.shown.map(({ id, operation }) => html`<a href="#${id}">${operation["summary"]}</a>`)}`,
        )}
        <a class="chapter" href="#objects">Objects</a>
        <a class="chapter" href="#errors">Errors</a>
        <a class="chapter" href="/openapi.json">openapi.json</a>
      </nav>
      <main>
        <h1>${title}</h1>
        ${prose(description)}
        <p>Base URL: <code>${document.servers[0]!.url}</code></p>
        ${chapters.map(
          (chapter) =>
            html`<section id="${anchor(chapter.name)}">
              <h2>${chapter.name}</h2>
              ${prose(chapter.description)} ${chapter.shown.map((each) => article(each, document))}
            </section>`,
        )}
        ${objects(document)}
        <section id="errors">
          <h2>Errors</h2>
          <p>Every error is <code>application/problem+json</code>. Branch on <code>code</code>: it never changes.</p>
          <table>
            <thead>
              <tr>
                <th>Status</th>
                <th>Code</th>
                <th>Meaning</th>
              </tr>
            </thead>
            <tbody>
              ${Object.entries(errors).map(
                ([code, { status, meaning }]) =>
                  html`<tr>
                    <td>${status}</td>
                    <td>
                      <a href="/docs/errors/${code}"><code>${code}</code></a>
                    </td>
                    <td>${inline(meaning)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </section>
      </main>`,
  );
}

export function errorPage(code: ErrorCode): Markup {
  const { status, title, meaning, remedy, retryable } = errors[code];
  return page(
    title,
    html`<main>
      <p><a href="/docs#errors">Errors</a></p>
      <h1>${title}</h1>
      <p><code>${code}</code> · HTTP ${status} · ${retryable ? "may succeed when tried again" : "the same request will fail again"}</p>
      <h2>What it means</h2>
      ${prose(meaning)}
      <h2>What to do</h2>
      ${prose(remedy)}
    </main>`,
  );
}

function page(title: string, body: Markup): Markup {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/docs/reference.css" />
      </head>
      <body>
        ${body}
      </body>
    </html>`;
}

const operationsIn = (paths: Document["paths"]): Shown[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: String(operation["operationId"]),
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );

function article({ id, method, path, operation }: Shown, document: Document): Markup {
  const body = operation.requestBody?.content["application/json"];
  const answers = Object.entries(operation.responses);
  return html`<article id="${id}">
    <h3>${operation["summary"]}</h3>
    <p class="route"><span class="method ${method.toLowerCase()}">${method}</span> <code>${path}</code></p>
    ${prose(String(operation["description"]))}
    ${
      operation.parameters?.length
        ? html`<h4>Parameters</h4>
            <table>
              <tbody>
                ${operation.parameters
                  .map((given) => parameterOf(given, document))
                  .map(
                    (parameter) =>
                      html`<tr>
                        <td><code>${parameter.name}</code></td>
                        <td>${typeOf(parameter.schema)}</td>
                        <td>${inline(parameter.description ?? told(parameter.schema, document.components.schemas))}</td>
                      </tr>`,
                  )}
              </tbody>
            </table>`
        : ""
    }
    ${
      body
        ? html`<h4>Body</h4>
            ${fields(resolved(body.schema, document.components.schemas), document.components.schemas)}${sample(body.example)}`
        : ""
    }
    ${answers.map(([status, answer]) => {
      if ("$ref" in answer || !answer.content) return "";
      const [{ schema, example }] = Object.values(answer.content) as [{ schema: Schema; example?: unknown }];
      return html`<h4>Answer ${status}</h4>
        <details>
          <summary>${answer.description} ${typeOf(schema)}, an example</summary>
          ${sample(example)}
        </details>`;
    })}
    ${answers.some(([, answer]) => "$ref" in answer) ? html`<p class="codes">Errors: ${codesOf(answers, document)}</p>` : ""}
  </article>`;
}

const parameterOf = (given: Parameter | { $ref: string }, { components }: Document): Parameter =>
  "$ref" in given ? components.parameters[nameOf(given.$ref)]! : given;

/** Every schema that a type links to. A request's body is shown with its operation alone. */
function objects({ paths, components: { schemas } }: Document): Markup {
  const bodies = Object.values(paths)
    .flatMap((methods) => Object.values(methods))
    .map(({ requestBody }) => requestBody?.content["application/json"]?.schema.$ref);
  const names = Object.keys(schemas).filter((name) => !bodies.includes(`#/components/schemas/${name}`));
  return html`<section id="objects">
    <h2>Objects</h2>
    <p>What bodies and answers are made of: ${names.map((name) => html`${linkTo(name)} `)}</p>
    ${names.map(
      (name) =>
        html`<article id="${objectAnchor(name)}">
          <h3>${name}</h3>
          ${prose(schemas[name]!.description ?? "")} ${shapeOf(schemas[name]!, schemas)}
        </article>`,
    )}
  </section>`;
}

/** A table of fields, one for each member of a union, or the values of what has no fields. */
function shapeOf(schema: Schema, schemas: Schemas): Markup {
  const members = optionsOf(schema);
  if (members)
    return html`${members.map(
      (member) =>
        html`<h4>${typeOf(member)}</h4>
          ${fields(resolved(member, schemas), schemas)}`,
    )}`;
  return schema["properties"] ? fields(schema, schemas) : html`<p>${typeOf(schema)}</p>`;
}

type Schemas = Record<string, Schema>;

const resolved = (schema: Schema, schemas: Schemas): Schema => (schema.$ref === undefined ? schema : schemas[nameOf(schema.$ref)]!);
/** What is said of this one, or of whatever has its name. */
const told = (schema: Schema, schemas: Schemas): string => schema.description ?? resolved(schema, schemas).description ?? "";
const optionsOf = (schema: Schema) => (schema["anyOf"] ?? schema["oneOf"]) as Schema[] | undefined;

function fields(schema: Schema, schemas: Schemas): Markup {
  return html`<table>
    <tbody>
      ${rowsOf(schema).map(
        ({ field, part, required }) =>
          html`<tr>
            <td><code>${field}</code>${required ? html` <em>required</em>` : ""}</td>
            <td>${typeOf(part)}</td>
            <td>${inline(told(part, schemas))}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** The fields of a schema; of what has no section of its own, those within it too. */
function rowsOf(schema: Schema, within = ""): { field: string; part: Schema; required: boolean }[] {
  const { properties = {}, required = [] } = schema as { properties?: Schemas; required?: string[] };
  return Object.entries(properties).flatMap(([name, part]) => {
    const field = within + name;
    const [object = part] = (optionsOf(part) ?? []).filter(({ type }) => type !== "null");
    const items = object["items"] as Schema | undefined;
    return [
      { field, part, required: required.includes(name) },
      ...rowsOf(object, `${field}.`),
      ...(items ? rowsOf(items, `${field}[].`) : []),
    ];
  });
}

function typeOf(schema: Schema): (string | Markup)[] {
  if (schema.$ref !== undefined) return [linkTo(nameOf(schema.$ref))];
  const values = "const" in schema ? [schema["const"]] : (schema["enum"] as unknown[] | undefined);
  if (values) return either(values.map((value) => [html`<code>${value}</code>`]));
  const options = optionsOf(schema);
  if (options) return either(options.map(typeOf));
  if (Array.isArray(schema.type)) return either(schema.type.map((type) => typeOf({ ...schema, type })));
  if (schema.type === "array") return ["array of ", ...typeOf(schema["items"] as Schema)];
  const of = schema["additionalProperties"];
  if (typeof of === "object" && of !== null && Object.keys(of).length > 0) return ["object of ", ...typeOf(of as Schema)];
  return [schema.type === "null" ? "null" : String(schema.format ?? schema.type ?? "anything")];
}

const either = (types: (string | Markup)[][]): (string | Markup)[] => types.flatMap((type, at) => (at === 0 ? type : [" | ", ...type]));
const objectAnchor = (name: string): string => `object-${name}`;
const linkTo = (name: string): Markup => html`<a href="#${objectAnchor(name)}">${name}</a>`;

/** Each refusal's examples are keyed by code. */
const codesOf = (answers: [string, object][], { components }: Document): Markup[] =>
  answers.flatMap(([, answer]) => {
    if (!("$ref" in answer)) return [];
    const { content } = components.responses[nameOf(String(answer.$ref))]!;
    return Object.keys(content!["application/problem+json"]!.examples!).map(
      (code) => html`<a href="/docs/errors/${code}"><code>${code}</code></a> `,
    );
  });

const sample = (example: unknown): Markup => html`<pre tabindex="0"><code>${JSON.stringify(example, null, 2)}</code></pre>`;
const prose = (text: string): Markup[] => text.split("\n\n").map((paragraph) => html`<p>${inline(paragraph)}</p>`);

/** Backquotes are the only mark-up the descriptions use. */
const inline = (text: string): (string | Markup)[] =>
  text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
const anchor = (name: string): string => name.toLowerCase().replaceAll(" ", "-");
