import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { buildDocument } from "../../src/http/document.ts";
import { published } from "../../src/http/rest.ts";

export const document = buildDocument();

const ajv = new Ajv2020({ strict: false, allErrors: true });
(formats as unknown as (ajv: Ajv2020) => void)(ajv);
ajv.addSchema({ $id: "document", components: document.components });
const compiled = new Map<string, ValidateFunction>();

/** Fails unless the document has this answer: its status, its type, and every field of its body. */
export function assertDocumented(method: string, path: string, response: Response, body: unknown): void {
  const template = templateOf(method, path.split("?")[0]!);
  // No such operation: the document has nothing to say of it.
  if (!template) return;
  const operation = document.paths[template]![method.toLowerCase()]!;
  const declared = operation.responses[String(response.status)];
  const where = `${method} ${template} → ${response.status}`;
  if (!declared) throw new Error(`${where} is not in the document`);
  if (response.status === 304) return;
  const content = "$ref" in declared ? document.components.responses[declared.$ref.split("/").at(-1)!]!.content : declared.content;
  const type = (response.headers.get("content-type") ?? "").split(";")[0]!;
  const schema = content?.[type]?.schema;
  if (!schema) throw new Error(`${where} has the undocumented type ${type}`);
  for (const value of type === "application/x-ndjson" ? (body as unknown[]) : [body]) assertMatches(schema, value, where);
}

export function assertMatches(schema: object, value: unknown, where: string): void {
  const key = JSON.stringify(schema);
  let validate = compiled.get(key);
  if (!validate) {
    validate = ajv.compile(JSON.parse(key.replaceAll('"#/components/', '"document#/components/')) as object);
    compiled.set(key, validate);
  }
  if (!validate(value)) throw new Error(`${where} differs from the document: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
}

function templateOf(method: string, path: string): string | undefined {
  return published.find(
    (operation) => operation.method === method && new RegExp(`^${operation.path.replace(/\{\w+\}/g, "[^/]+")}$`).test(path),
  )?.path;
}
