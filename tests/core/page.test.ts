import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Ctx } from "../../src/core/context.ts";
import { ApiError } from "../../src/core/errors.ts";
import { pageOf, readCursor, type Listing } from "../../src/core/page.ts";
import { createVault } from "../../src/core/vault.ts";

const [older, newer] = ["an older master key, long enough to be one", "a newer master key, which is as long as that"];
const ctxOf = (workspace_id: string, ...master_keys: string[]) => ({ workspace_id, vault: createVault(master_keys) }) as unknown as Ctx;
const ctx = ctxOf("ws_one", older);
const listing: Listing = { name: "conversations", filters: { status: ["open"], limit: 2 } };

interface Row {
  at: string;
  id: string;
}
const rows = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ at: "2026-11-22T10:15:12.480Z", id: `conv_${n}` }));
const page = (count: number, limit = 2, by = ctx, of = listing) => pageOf(by, of, rows(count), limit, ({ at, id }) => [at, id]);
const refusal = (read: () => unknown): string => {
  try {
    read();
    return "taken";
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
};

describe("a page", () => {
  test.each([
    [0, 0, false],
    [1, 1, false],
    [2, 2, false],
    [3, 2, true],
  ])("of %i rows that were found shows %i", (found, shown, has_more) => {
    const { object, data, ...rest } = page(found);
    expect([object, data.length, rest.has_more]).toEqual(["list", shown, has_more]);
    expect(rest.next_cursor === null).toBe(!has_more);
  });

  test("ends in a cursor that tells its last row", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (at, id) => {
        const { next_cursor } = pageOf(ctx, listing, [{ at, id }, null], 1, (row) => [row!.at, row!.id]);
        expect(readCursor(ctx, listing, next_cursor!)).toEqual([at, id]);
      }),
    );
  });
});

describe("a cursor", () => {
  const cursor = page(3).next_cursor!;

  test("may be missing, and is taken by its own list with another limit", () => {
    expect(readCursor(ctx, listing, undefined)).toBeUndefined();
    expect(readCursor(ctx, { ...listing, filters: { limit: 50, status: ["open"], cursor } }, cursor)).toEqual([rows(1)[0]!.at, "conv_1"]);
  });

  test("outlives a new master key, as long as the old one is kept", () => {
    expect(refusal(() => readCursor(ctxOf("ws_one", newer, older), listing, cursor))).toBe("taken");
    expect(refusal(() => readCursor(ctxOf("ws_one", newer), listing, cursor))).toBe("invalid_cursor");
  });

  test.each<[string, Ctx, Listing]>([
    ["another list", ctx, { ...listing, name: "messages" }],
    ["another workspace", ctxOf("ws_two", older), listing],
    ["another filter's value", ctx, { ...listing, filters: { status: ["pending"] } }],
    ["one filter more", ctx, { ...listing, filters: { status: ["open"], channel: ["whatsapp"] } }],
    ["one filter less", ctx, { ...listing, filters: {} }],
  ])("is refused by %s", (_, by, of) => {
    expect(refusal(() => readCursor(by, of, cursor))).toBe("invalid_cursor");
  });

  test("is refused with any of its characters changed", () => {
    fc.assert(
      fc.property(fc.nat(cursor.length - 1), fc.constantFrom("A", "a", "0", "_", "-", "."), (at, character) => {
        const forged = cursor.slice(0, at) + character + cursor.slice(at + 1);
        fc.pre(forged !== cursor);
        expect(refusal(() => readCursor(ctx, listing, forged))).toBe("invalid_cursor");
      }),
    );
  });

  test.each([
    "",
    ".",
    "..",
    "garbage",
    "a.b",
    `${cursor}.`,
    `${cursor}.more`,
    ` ${cursor}`,
    cursor.split(".")[0]!,
    `.${cursor.split(".")[1]!}`,
  ])("is not %j", (garbage) => {
    expect(refusal(() => readCursor(ctx, listing, garbage))).toBe("invalid_cursor");
  });

  test("is never an error of another kind", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 200 }),
        (text) => refusal(() => readCursor(ctx, listing, text)) === "invalid_cursor",
      ),
    );
  });
});
