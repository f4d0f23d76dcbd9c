import { html } from "hono/html";
import { errors, type ErrorCode } from "../core/errors.ts";
import { nameOf, type Schema } from "../core/example.ts";
import type { Document, Parameter } from "./document-nodes.ts";
import { inline, page, prose, type Markup } from "./markup.ts";
import { fields, objects, resolved, told, typeOf } from "./reference-objects.ts";

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
        ${objects(document)} ${refusals()}
      </main>`,
  );
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
    ${prose(String(operation["description"]))} ${operation.parameters?.length ? parametersOf(operation.parameters, document) : ""}
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

const parametersOf = (given: (Parameter | { $ref: string })[], { components }: Document): Markup =>
  html`<h4>Parameters</h4>
    <table>
      <tbody>
        ${given
          .map((each) => ("$ref" in each ? components.parameters[nameOf(each.$ref)]! : each))
          .map(
            ({ name, schema, description }) =>
              html`<tr>
                <td><code>${name}</code></td>
                <td>${typeOf(schema)}</td>
                <td>${inline(description ?? told(schema, components.schemas))}</td>
              </tr>`,
          )}
      </tbody>
    </table>`;

/** Each refusal's examples are keyed by code. */
const codesOf = (answers: [string, object][], { components }: Document): Markup[] =>
  answers.flatMap(([, answer]) => {
    if (!("$ref" in answer)) return [];
    const { content } = components.responses[nameOf(String(answer.$ref))]!;
    return Object.keys(content!["application/problem+json"]!.examples!).map(
      (code) => html`<a href="/docs/errors/${code}"><code>${code}</code></a> `,
    );
  });

/** What may be refused, each with a page of its own. */
const refusals = (): Markup =>
  html`<section id="errors">
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
  </section>`;

/** What one of them means, and what to do. */
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

const sample = (example: unknown): Markup => html`<pre tabindex="0"><code>${JSON.stringify(example, null, 2)}</code></pre>`;
const anchor = (name: string): string => name.toLowerCase().replaceAll(" ", "-");
