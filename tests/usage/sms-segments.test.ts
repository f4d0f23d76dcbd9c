import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { smsSegments } from "../../src/usage/sms-segments.ts";

test.each<[string, string, number]>([
  ["160 of GSM-7 in one", "x".repeat(160), 1],
  ["161 of GSM-7 in two, of 153 each", "x".repeat(161), 2],
  ["306 of GSM-7 in two", "x".repeat(306), 2],
  ["307 of GSM-7 in three", "x".repeat(307), 3],
  ["accents and Greek of GSM-7", "éàñüØΩ§¿".repeat(20), 1],
  ["80 euro signs, each of two places", "€".repeat(80), 1],
  ["81 euro signs", "€".repeat(81), 2],
  ["an escape that would be torn apart", `${"x".repeat(152)}€${"x".repeat(152)}`, 3],
  ["an escape that ends a part", `${"x".repeat(151)}€${"x".repeat(153)}`, 2],
  ["70 of UCS-2", "س".repeat(70), 1],
  ["71 of UCS-2, of 67 each", "س".repeat(71), 2],
  ["134 of UCS-2", "س".repeat(134), 2],
  ["135 of UCS-2", "س".repeat(135), 3],
  ["one letter outside of GSM-7, which turns all the others", `${"x".repeat(70)}ç`, 2],
  ["35 emoji, each of two places", "😀".repeat(35), 1],
  ["36 emoji", "😀".repeat(36), 2],
  ["an emoji that would be torn apart", "😀".repeat(67), 3],
  ["a backtick, which GSM-7 does not have", "`".repeat(71), 2],
  ["a line break and a form feed", "\n\r\f", 1],
  ["nothing", "", 1],
])("%s", (_, text, parts) => {
  expect(smsSegments(text)).toBe(parts);
});

describe("whatever is written", () => {
  test("a longer text never takes fewer parts, and no part is longer than it may be", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), fc.string({ unit: "grapheme", maxLength: 20 }), (text, more) => {
        const parts = smsSegments(text);
        expect(parts).toBeGreaterThanOrEqual(1);
        expect(parts * 160).toBeGreaterThanOrEqual(text.length === 0 ? 0 : Math.ceil(text.length / 2));
        expect(smsSegments(text + more)).toBeGreaterThanOrEqual(parts);
      }),
    );
  });
});
