import type { z } from "zod";
import { invalid } from "../core/errors.ts";
import { unknownField } from "../core/faults.ts";

export interface Parameters {
  shape: Record<string, z.ZodType>;
  in_path: string[];
}

/** The query as the operation's own types: `7` where a number is wanted, repeated names where an array is. */
export function readQuery(url: string, { shape, in_path }: Parameters): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  const start = url.indexOf("?");
  if (start < 0) return query;
  const text = url.slice(start + 1);
  assertDecodable(text);
  for (const [name, value] of new URLSearchParams(text)) {
    if (in_path.includes(name)) throw invalid(unknownField([name], `${name} belongs in the path.`));
    // Defined, not assigned: `__proto__` is then an unknown parameter like any other.
    const next = extended(
      Object.hasOwn(query, name) ? query[name] : undefined,
      value,
      Object.hasOwn(shape, name) ? bare(shape[name]!) : undefined,
    );
    Object.defineProperty(query, name, { value: next, enumerable: true, writable: true, configurable: true });
  }
  return query;
}

function extended(earlier: unknown, text: string, type: z.ZodType | undefined): unknown {
  const array = type?.def.type === "array";
  const value = convert(text, array ? bare((type as z.ZodArray).element as z.ZodType) : type);
  if (Array.isArray(earlier)) return [...(earlier as unknown[]), value];
  if (earlier !== undefined) return [earlier, value];
  return array ? [value] : value;
}

export function readPath(given: Record<string, string>, { shape, in_path }: Parameters): Record<string, unknown> {
  return Object.fromEntries(in_path.map((name) => [name, convert(given[name] ?? "", bare(shape[name]!))]));
}

/** Percent signs that encode nothing, and bytes that are no UTF-8, are refused rather than guessed at. */
function assertDecodable(text: string): void {
  try {
    decodeURIComponent(text);
  } catch {
    throw invalid({ pointer: "", code: "invalid_encoding", detail: "The query is not percent-encoded UTF-8." });
  }
}

const number = /^-?(0|[1-9]\d{0,15})(\.\d{1,15})?$/;

/** What does not look like the type stays text, which the contract then refuses by name. */
function convert(text: string, type: z.ZodType | undefined): unknown {
  if (type?.def.type === "number") return number.test(text) ? Number(text) : text;
  if (type?.def.type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

function bare(type: z.ZodType): z.ZodType {
  const { innerType } = type.def as { innerType?: z.ZodType };
  return innerType ? bare(innerType) : type;
}
