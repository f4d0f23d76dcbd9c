import { z } from "zod";
import { invalid, type Fault } from "./errors.ts";
import { inPlainWords } from "./plain-words.ts";

z.config({ localeError: inPlainWords });

/** Nobody mends more at once, and the answer to a body full of faults must not be larger than the body. */
const most_faults = 100;

/** zod's findings in the API's own stable words, one for each fault, with the place as a JSON pointer. */
export function faultsOf({ issues }: Pick<z.ZodError, "issues">, raw: unknown): Fault[] {
  const faults = issues.slice(0, most_faults).flatMap((issue): Fault[] => {
    if (issue.code === "unrecognized_keys") return issue.keys.slice(0, most_faults).map((key) => unknownField([...issue.path, key]));
    const is_missing = valueAt(raw, issue.path) === undefined;
    return [{ pointer: pointerTo(issue.path), code: is_missing ? "required" : codeOf(issue), detail: detailOf(issue, is_missing) }];
  });
  return faults.slice(0, most_faults);
}

export const unknownField = (path: readonly PropertyKey[], detail = `There is no field ${nameOf(path)}.`): Fault => ({
  pointer: pointerTo(path),
  code: "unknown_field",
  detail,
});

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

function detailOf(issue: z.core.$ZodIssue, is_missing: boolean): string {
  // A reference that names nothing reads the same whether it is malformed or not there, so it is not embellished.
  if (codeOf(issue) === "no_such_resource") return issue.message;
  // What a contract itself says of a field that is missing is of two fields, of which either would do.
  if (is_missing && issue.code !== "custom") return `${nameOf(issue.path)} is required.`;
  return `${nameOf(issue.path)}: ${issue.message.replace(/\.$/, "")}.`;
}

const nameOf = (path: readonly PropertyKey[]): string => path.map(String).join(".") || "The input";

/** RFC 6901. */
const pointerTo = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      value !== null && typeof value === "object" && Object.hasOwn(value, step) ? (value as Record<PropertyKey, unknown>)[step] : undefined,
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
    if (path.length >= deepest)
      throw invalid({ pointer: pointerTo(path), code: "too_deep", detail: `Nesting deeper than ${deepest} levels is refused.` });
    for (const key of Object.keys(value)) {
      refuseUnstorable(key, path);
      // zod would leave it out of a record without a word.
      if (key === "__proto__") throw invalid(unknownField([...path, key]));
      const inner = (value as Record<string, unknown>)[key];
      if (typeof inner === "string" || typeof inner === "object") waiting.push({ value: inner, path: [...path, key] });
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
