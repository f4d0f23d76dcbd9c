export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  pattern?: string;
  [keyword: string]: unknown;
}

/** Stands where a contract has forgotten an example: a test finds it. */
export const no_example = "(an example is missing)";

/** What a reference names. */
export const nameOf = ($ref: string): string => $ref.slice($ref.lastIndexOf("/") + 1);

/**
 * An example made of the examples of the parts: the document shows nothing that its own schemas would refuse.
 * What may be null is null, unless it has an example of its own.
 */
export function exampleOf(schema: Schema, components: Record<string, Schema>): unknown {
  const { $ref, examples, properties, items } = schema;
  if (Array.isArray(examples)) return examples[0];
  if ($ref !== undefined) return exampleOf(components[nameOf($ref)]!, components);
  for (const fixed of ["const", "default"]) if (fixed in schema) return schema[fixed];
  if (Array.isArray(schema["enum"])) return schema["enum"][0];
  const options = (schema["anyOf"] ?? schema["oneOf"] ?? schema["allOf"]) as Schema[] | undefined;
  if (options) return options.some(({ type }) => type === "null") ? null : exampleOf(options[0]!, components);
  if (Array.isArray(schema.type)) return null;
  if (properties) {
    return Object.fromEntries(
      Object.entries(properties as Record<string, Schema>).map(([name, part]) => [name, exampleOf(part, components)]),
    );
  }
  if (schema.type === "array") return [exampleOf(items as Schema, components)];
  if (schema.type === "integer" || schema.type === "number")
    return schema["minimum"] === Number.MIN_SAFE_INTEGER ? 1 : (schema["minimum"] ?? 1);
  return schema.type === "object" ? {} : schema.type === "boolean" ? true : no_example;
}
