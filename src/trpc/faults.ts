import type { z } from "zod";
import { invalid, type Fault } from "../core/errors.ts";

/** zod's findings in the API's own stable words, one for each fault, with the place as a JSON pointer. */
export function faultsOf(error: z.ZodError, raw: unknown): Fault[] {
  return error.issues.flatMap((issue): Fault[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ pointer: pointerTo([...issue.path, key]), code: "unknown_field", detail: `There is no field ${key}.` }));
    }
    if (valueAt(raw, issue.path) === undefined) {
      return [{ pointer: pointerTo(issue.path), code: "required", detail: `${nameOf(issue.path)} is required.` }];
    }
    return [{ pointer: pointerTo(issue.path), code: codeOf(issue), detail: detailOf(issue) }];
  });
}

const codes: Partial<Record<z.core.$ZodIssue["code"], string>> = {
  invalid_type: "invalid_type",
  too_big: "too_large",
  too_small: "too_small",
  invalid_value: "not_allowed",
  invalid_union: "not_allowed",
  invalid_format: "invalid_format",
};

function codeOf(issue: z.core.$ZodIssue): string {
  const own: unknown = issue.code === "custom" ? issue.params?.["code"] : undefined;
  return typeof own === "string" ? own : (codes[issue.code] ?? "invalid");
}

/** A reference that names nothing reads the same whether it is malformed or not there, so it is not embellished. */
const detailOf = (issue: z.core.$ZodIssue): string =>
  issue.code === "custom" ? issue.message : `${nameOf(issue.path)}: ${issue.message.replace(/^Invalid input: /, "")}.`;

const nameOf = (path: readonly PropertyKey[]): string => path.map(String).join(".") || "The input";

/** RFC 6901. */
const pointerTo = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) => (value !== null && typeof value === "object" && Object.hasOwn(value, step) ? (value as Record<PropertyKey, unknown>)[step] : undefined),
    raw,
  );
}

const deepest = 32;

/** PostgreSQL's text holds neither U+0000 nor half a surrogate pair, and nothing sensible nests deeper than this. */
export function assertPlainText(raw: unknown): void {
  const waiting: { value: unknown; path: PropertyKey[] }[] = [{ value: raw, path: [] }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, path } = next;
    if (typeof value === "string") refuseUnstorable(value, path);
    if (value === null || typeof value !== "object") continue;
    if (path.length >= deepest) throw invalid({ pointer: pointerTo(path), code: "too_deep", detail: `Nesting deeper than ${deepest} levels is refused.` });
    for (const key of Object.keys(value)) {
      refuseUnstorable(key, path);
      waiting.push({ value: (value as Record<string, unknown>)[key], path: [...path, key] });
    }
  }
}

function refuseUnstorable(text: string, path: PropertyKey[]): void {
  if (!text.includes("\0") && text.isWellFormed()) return;
  throw invalid({
    pointer: pointerTo(path),
    code: "invalid_characters",
    detail: "Text may hold neither the null character nor an unpaired surrogate.",
  });
}
