import { html } from "hono/html";
import { nameOf, type Schema } from "../core/example.ts";
import type { Document } from "./document-nodes.ts";
import { inline, prose, type Markup } from "./markup.ts";

/** Every schema that a type links to. A request's body is shown with its operation alone. */
export function objects({ paths, components: { schemas } }: Document): Markup {
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

export const resolved = (schema: Schema, schemas: Schemas): Schema => (schema.$ref === undefined ? schema : schemas[nameOf(schema.$ref)]!);
/** What is said of this one, or of whatever has its name. */
export const told = (schema: Schema, schemas: Schemas): string => schema.description ?? resolved(schema, schemas).description ?? "";
const optionsOf = (schema: Schema) => (schema["anyOf"] ?? schema["oneOf"]) as Schema[] | undefined;

export function fields(schema: Schema, schemas: Schemas): Markup {
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

export function typeOf(schema: Schema): (string | Markup)[] {
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
