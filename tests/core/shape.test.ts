import { describe, expect, test } from "vitest";
import { z } from "zod";
import { textField } from "../../src/core/fields.ts";
import { shapeOf } from "../../src/core/shape.ts";

const contract = z.object({
  name: textField(3).nullable(),
  tags: z.array(textField(3)).max(1),
  metadata: z.record(textField(3), textField(3)).refine((metadata) => Object.keys(metadata).length <= 1),
  content: z.discriminatedUnion("type", [z.object({ type: z.literal("text"), text: textField(3) }), z.object({ type: z.literal("none") })]),
  nick: textField(3).optional(),
});
const beyond = {
  name: "longer",
  tags: ["longer", "b"],
  metadata: { longer: "longer", b: "b" },
  content: { type: "text", text: "longer" },
  nick: "longer",
};

describe("the shape of a contract", () => {
  test("knows no limit, however deep", () => {
    const limited = new Set(contract.safeParse(beyond).error?.issues.map(({ path }) => path[0]));
    expect(limited).toEqual(new Set(Object.keys(beyond)));
    expect(shapeOf(contract).parse(beyond)).toEqual(beyond);
  });

  test("leaves out what the contract does not name", () => {
    expect(shapeOf(contract).parse({ ...beyond, hash: "secret", content: { type: "none", hash: "secret" } })).toEqual({
      ...beyond,
      content: { type: "none" },
    });
  });

  test.each([
    ["a field of another type", { ...beyond, name: 7 }],
    ["a field that is missing", { ...beyond, tags: undefined }],
    ["a member of no union", { ...beyond, content: { type: "other" } }],
    ["a value of another type in a record", { ...beyond, metadata: { a: 7 } }],
  ])("refuses %s", (_, value) => expect(shapeOf(contract).safeParse(value).success).toBe(false));

  test("is made once, and leaves the contract as it was", () => {
    expect(shapeOf(contract)).toBe(shapeOf(contract));
    expect(contract.safeParse(beyond).success).toBe(false);
  });
});
