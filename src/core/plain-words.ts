import type { z } from "zod";

type Issue = z.core.$ZodRawIssue;

/** What is wrong, for people who know JSON and not zod: a sentence to stand behind the field's name, without its full stop. */
export function inPlainWords(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `Must be ${types[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return mustBeOneOf(issue.values);
    case "too_small":
      return `Must ${amount(issue, Number(issue.minimum), issue.inclusive === false ? "more than" : "at least")}`;
    case "too_big":
      return `Must ${amount(issue, Number(issue.maximum), issue.inclusive === false ? "less than" : "at most")}`;
    case "not_multiple_of":
      return `Must be a multiple of ${issue.divisor}`;
    case "invalid_format":
      return `Must be ${formats[issue.format] ?? "of another form"}`;
    case "invalid_union":
      return Array.isArray(issue.options) ? mustBeOneOf(issue.options) : "Must be of another form";
    case "invalid_key":
      return `The key ${issue.issues[0]?.message.replace(/^M/, "m") ?? "is not allowed"}`;
    case "invalid_element":
    case "unrecognized_keys":
    case "custom":
      return "Is not allowed";
  }
}

const types: Record<string, string> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
};

const formats: Record<string, string> = { email: "an email address", url: "a URL" };

/** What is counted in a value of each kind. A number is not counted. */
const counted: Record<string, [one: string, many: string]> = {
  string: ["character", "characters"],
  array: ["item", "items"],
};

function amount({ origin, exact }: { origin: string; exact?: boolean }, bound: number, compared: string): string {
  const units = counted[origin];
  return units ? `have ${exact ? "exactly" : compared} ${bound} ${units[bound === 1 ? 0 : 1]}` : `be ${compared} ${bound}`;
}

const mustBeOneOf = (values: readonly unknown[]): string =>
  `Must be ${values.length > 1 ? "one of " : ""}${values.map((value) => JSON.stringify(value)).join(", ")}`;
