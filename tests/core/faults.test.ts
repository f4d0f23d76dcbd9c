import { expect, test } from "vitest";
import { z } from "zod";
import { providers } from "../../src/channels/providers/all.ts";
import { faultsOf } from "../../src/core/faults.ts";
import { idField, Metadata, Moment, textField } from "../../src/core/fields.ts";
import { appRouter } from "../../src/router.ts";
import { CreateTicket } from "../../src/tickets/contract.ts";

const detailsOf = (contract: z.ZodType, given: unknown): string[] => {
  const { error } = contract.safeParse(given);
  return error ? faultsOf(error, given).map(({ detail }) => detail) : [];
};

test.each<[string, z.ZodType, unknown, string]>([
  ["another type", z.string(), 7, "x: Must be a string."],
  ["text for a number", z.number(), "7", "x: Must be a number."],
  ["a fraction", z.number().int(), 1.5, "x: Must be a whole number."],
  ["text for a flag", z.boolean(), "yes", "x: Must be true or false."],
  ["one thing for many", z.array(z.string()), "a", "x: Must be an array."],
  ["a list for an object", z.strictObject({}), [], "x: Must be an object."],
  ["null for a map", Metadata, null, "x: Must be an object."],
  ["no item", z.array(z.string()).min(1), [], "x: Must have at least 1 item."],
  ["too many items", z.array(z.string()).max(2), ["a", "b", "c"], "x: Must have at most 2 items."],
  ["empty text", z.string().min(1), "", "x: Must have at least 1 character."],
  ["long text", textField(50), "x".repeat(51), "x: Must have at most 50 characters."],
  ["text of another length", z.string().length(2), "abc", "x: Must have exactly 2 characters."],
  ["a small number", z.number().min(5), 4, "x: Must be at least 5."],
  ["a large number", z.number().max(5), 6, "x: Must be at most 5."],
  ["a number at a bound that is out", z.number().gt(5), 5, "x: Must be more than 5."],
  ["a number at the other", z.number().lt(5), 5, "x: Must be less than 5."],
  ["a number between", z.number().multipleOf(5), 7, "x: Must be a multiple of 5."],
  ["no address", z.email(), "lina", "x: Must be an email address."],
  ["none of several words", z.enum(["open", "closed"]), "shut", 'x: Must be one of "open", "closed".'],
  ["not the one word", z.literal("text"), "media", 'x: Must be "text".'],
  [
    "none of several kinds",
    z.discriminatedUnion("type", [z.object({ type: z.literal("text") }), z.object({ type: z.literal("media") })]),
    { type: "song" },
    'x.type: Must be one of "text", "media".',
  ],
  ["a long key", Metadata, { ["k".repeat(41)]: "v" }, `x.${"k".repeat(41)}: The key must have at most 40 characters.`],
  ["no moment", Moment, "today", "x: Must be an RFC 3339 date and time, such as 2026-11-22T10:15:12Z."],
  ["nothing", z.string(), undefined, "x is required."],
  ["a field that there is not", z.strictObject({}), { y: 1 }, "There is no field x.y."],
  ["an id of nothing", idField("conv"), "conv_1", "There is no such resource in this workspace."],
])("%s is told in plain words, with the field's name", (_, field, given, detail) => {
  expect(detailsOf(z.object({ x: field }), { x: given })).toEqual([detail]);
});

test("of several faults each says which field it is of", () => {
  expect(detailsOf(CreateTicket, { subject: "x".repeat(201), description: "Broken", tags: ["fine", "x".repeat(51)] })).toEqual([
    "subject: Must have at most 200 characters.",
    "tags.1: Must have at most 50 characters.",
  ]);
});

test("what a contract says of two fields is told although neither is there", () => {
  const either = z
    .object({ a: z.string().optional(), b: z.string().optional() })
    .refine(({ a, b }) => a ?? b, { path: ["b"], error: "Name a or b.", params: { code: "not_allowed" } });
  const { error } = either.safeParse({});
  expect(faultsOf(error!, {})).toEqual([{ pointer: "/b", code: "required", detail: "b: Name a or b." }]);
});

test("no contract leaves it to a pattern to say what is wanted", () => {
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { inputs: unknown[] } }>;
  const accounts = Object.values(providers).map(({ account, credentials }) => ({ account, credentials }));
  const contracts = [...Object.values(procedures).flatMap(({ _def }) => _def.inputs), ...accounts];
  const patterns = [...everythingIn(contracts)].filter(isPattern);
  expect(patterns.length).toBeGreaterThan(3);
  expect(patterns.filter(({ error }) => !error).map(({ pattern }) => String(pattern))).toEqual([]);
});

interface Pattern {
  format: "regex";
  pattern: RegExp;
  error?: unknown;
}

const isPattern = (thing: object): thing is Pattern => "format" in thing && thing.format === "regex" && "pattern" in thing;

/** zod keeps what a contract is made of in `_zod.def`. */
function everythingIn(thing: unknown, seen = new Set<object>()): Set<object> {
  if (thing === null || typeof thing !== "object" || seen.has(thing)) return seen;
  seen.add(thing);
  const inside = "_zod" in thing ? [(thing._zod as { def: unknown }).def] : Object.values(thing);
  for (const inner of inside) everythingIn(inner, seen);
  return seen;
}
