import { describe, expect, test } from "vitest";
import { z } from "zod";
import { idField, Metadata, Moment, pageInput, textField } from "../../src/core/fields.ts";

const takes = (field: z.ZodType, value: unknown): boolean => field.safeParse(value).success;

describe("a moment", () => {
  test.each([
    "2026-11-22T10:15:12Z",
    "2026-11-22T10:15:12.4Z",
    "2026-11-22T10:15:12.123456789Z",
    "2026-11-22T10:15:12+00:00",
    "2026-11-22T10:15:12-00:00",
    "2026-11-22T10:15:12+05:45",
    "2026-11-22T10:15:12-12:00",
    "2026-11-22T10:15:12+15:59",
    "2024-02-29T00:00:00Z",
    "2000-02-29T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
  ])("may be %s", (text) => {
    expect(takes(Moment, text)).toBe(true);
  });

  test.each([
    ["the 30th of February", "2026-02-30T00:00:00Z"],
    ["the 29th of February in a common year", "2026-02-29T00:00:00Z"],
    ["the 29th of February in a century", "2100-02-29T00:00:00Z"],
    ["the 31st of April", "2026-04-31T00:00:00Z"],
    ["the month 13", "2026-13-01T00:00:00Z"],
    ["the day 0", "2026-01-00T00:00:00Z"],
    ["the hour 24", "2026-01-01T24:00:00Z"],
    ["the second 60", "2026-12-31T23:59:60Z"],
    ["the year 0", "0000-01-01T00:00:00Z"],
    ["a year before the epoch", "1969-12-31T23:59:59Z"],
    ["a year of five digits", "12026-01-01T00:00:00Z"],
    ["a year with a sign", "+002026-01-01T00:00:00Z"],
    ["no offset", "2026-01-01T00:00:00"],
    ["an offset without a colon", "2026-01-01T00:00:00+0100"],
    ["an offset of one digit", "2026-01-01T00:00:00+1:00"],
    ["an offset that PostgreSQL does not read", "2026-01-01T00:00:00+16:00"],
    ["an offset of 60 minutes", "2026-01-01T00:00:00+01:60"],
    ["a space for a T", "2026-01-01 00:00:00Z"],
    ["a date alone", "2026-01-01"],
    ["ten digits of a second", "2026-01-01T00:00:00.1234567890Z"],
    ["no digits after the point", "2026-01-01T00:00:00.Z"],
    ["a line break at the end", "2026-01-01T00:00:00Z\n"],
    ["digits of another script", "٢٠٢٦-01-01T00:00:00Z"],
    ["a number", 1795342500],
    ["nothing", ""],
    ["a word", "now"],
  ])("is not %s", (_, value) => {
    expect(takes(Moment, value)).toBe(false);
  });
});

describe("a text", () => {
  test("is counted in characters, as its JSON Schema says", () => {
    const field = textField(4);
    expect(z.toJSONSchema(field)).toMatchObject({ type: "string", maxLength: 4 });
    expect(["", "abcd", "😀😀😀😀", "سلام"].every((text) => takes(field, text))).toBe(true);
    expect(["abcde", "😀😀😀😀😀", "سلاما"].some((text) => takes(field, text))).toBe(false);
  });

  test("may have rules of its own, which come first", () => {
    const field = textField(4, z.string().trim().min(1));
    expect(field.parse("  abcd  ")).toBe("abcd");
    expect(takes(field, "    ")).toBe(false);
  });
});

describe("metadata", () => {
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`key_${n}`, ""]));

  test.each([
    ["nothing", {}],
    ["fifty keys", keys(50)],
    ["the longest key and value", { ["k".repeat(40)]: "😀".repeat(500) }],
    ["names of JavaScript's own", { constructor: "a", toString: "b" }],
  ])("may have %s", (_, value) => {
    expect(Metadata.parse(value)).toEqual(value);
  });

  test.each([
    ["fifty-one keys", keys(51)],
    ["an empty key", { "": "value" }],
    ["a key of 41 characters", { ["k".repeat(41)]: "value" }],
    ["a value of 501 characters", { key: "v".repeat(501) }],
    ["a number", { key: 7 }],
    ["null", { key: null }],
    ["an object", { key: {} }],
  ])("may not have %s", (_, value) => {
    expect(takes(Metadata, value)).toBe(false);
  });

  test("is an object", () => {
    expect([[], "text", 7, null].some((value) => takes(Metadata, value))).toBe(false);
  });
});

test("an id's field says what a foreign or a missing one would be told", () => {
  const { error } = idField("conv").safeParse("cont_01h455vb4pex5vsknk084sn02q");
  expect(error?.issues).toMatchObject([{ message: "There is no such resource in this workspace.", params: { code: "no_such_resource" } }]);
  expect(takes(idField("conv"), "conv_01h455vb4pex5vsknk084sn02q")).toBe(true);
  expect(z.toJSONSchema(idField("conv"))).toMatchObject({ pattern: "^conv_[0-7][0-9a-hjkmnp-tv-z]{25}$" });
});

test("a page has 1 to 100 rows, 20 unless it is told", () => {
  const page = z.strictObject(pageInput);
  expect(page.parse({})).toEqual({ limit: 20 });
  expect([1, 100].every((limit) => takes(page, { limit }))).toBe(true);
  expect([0, 101, -1, 5.5, "5", NaN, Infinity].some((limit) => takes(page, { limit }))).toBe(false);
});
