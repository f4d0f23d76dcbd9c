import fc from "fast-check";
import { TypeID } from "typeid-js";
import { describe, expect, test } from "vitest";
import { createNewId, idOf, isId, prefixes, uuidOf, type Prefix } from "../../src/core/ids.ts";
import { after, timestamp, type Timestamp } from "../../src/core/time.ts";

const uuids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
);
const prefix = fc.constantFrom(...(Object.keys(prefixes) as Prefix[]));
const now: Timestamp = "2026-11-22T10:15:12.480Z";

describe("an id", () => {
  test("is the TypeID that the reference implementation makes of the same UUID, and back", () => {
    fc.assert(
      fc.property(prefix, uuids, (kind, uuid) => {
        // By the bytes: the library's own text of a UUID refuses versions that it does not know.
        const bytes = Buffer.from(uuid.replaceAll("-", ""), "hex");
        const oracle = TypeID.fromUUIDBytes(kind, bytes).toString();
        expect(idOf(kind, uuid)).toBe(oracle);
        expect(uuidOf(oracle)).toBe(uuid);
        expect(Buffer.from(TypeID.fromString(idOf(kind, uuid)).toUUIDBytes())).toEqual(bytes);
      }),
    );
  });

  test.each([
    ["00000000-0000-0000-0000-000000000000", "conv_00000000000000000000000000"],
    ["ffffffff-ffff-ffff-ffff-ffffffffffff", "conv_7zzzzzzzzzzzzzzzzzzzzzzzzz"],
    ["01890a5d-ac96-774b-bcce-b302099a8057", "conv_01h455vb4pex5vsknk084sn02q"],
  ])("of %s is %s", (uuid, id) => {
    expect(idOf("conv", uuid)).toBe(id);
    expect(uuidOf(id)).toBe(uuid);
  });

  test("sorts as its UUID does", () => {
    fc.assert(fc.property(uuids, uuids, (a, b) => a < b === idOf("msg", a) < idOf("msg", b)));
  });

  test.each([
    ["its own", "conv_01h455vb4pex5vsknk084sn02q", true],
    ["the greatest", "conv_7zzzzzzzzzzzzzzzzzzzzzzzzz", true],
    ["one that overflows 128 bits", "conv_80000000000000000000000000", false],
    ["upper case", "conv_01H455VB4PEX5VSKNK084SN02Q", false],
    ["an upper-case prefix", "CONV_01h455vb4pex5vsknk084sn02q", false],
    ["another prefix", "cont_01h455vb4pex5vsknk084sn02q", false],
    ["a longer prefix", "xconv_01h455vb4pex5vsknk084sn02q", false],
    ["two prefixes", "conv_conv_01h455vb4pex5vsknk084sn02q", false],
    ["no prefix", "01h455vb4pex5vsknk084sn02q", false],
    ["no separator", "conv01h455vb4pex5vsknk084sn02q", false],
    ["a character less", "conv_01h455vb4pex5vsknk084sn02", false],
    ["a character more", "conv_01h455vb4pex5vsknk084sn02q0", false],
    ["a letter that Crockford leaves out", "conv_01h455vb4pex5vsknk084sn02u", false],
    ["a letter from elsewhere", "conv_01h455vb4pex5vsknk084sn02é", false],
    ["a line break", "conv_01h455vb4pex5vsknk084sn02q\n", false],
    ["the bare UUID", "conv_01890a5d-ac96-774b-bcce-b302099a8057", false],
    ["nothing", "", false],
    ["the prefix alone", "conv_", false],
  ])("is recognised: %s", (_, text, expected) => {
    expect(isId("conv", text)).toBe(expected);
  });

  test("is recognised exactly where the reference implementation reads it", () => {
    const reads = (text: string) => {
      try {
        return TypeID.fromString(text, "msg").toString() === text;
      } catch {
        return false;
      }
    };
    const suffix = fc.stringMatching(/^[0-9a-zABC_-]{25,27}$/);
    fc.assert(fc.property(suffix, (text) => isId("msg", `msg_${text}`) === reads(`msg_${text}`)));
  });

  test("of a text that is none cannot be stored", () => {
    expect(() => uuidOf("conv_nothing")).toThrow(TypeError);
  });
});

describe("new ids", () => {
  const versionOf = (id: string) => uuidOf(id)[14];
  const variantOf = (id: string) => uuidOf(id)[19];
  const msOf = (id: string) => Number.parseInt(uuidOf(id).replaceAll("-", "").slice(0, 12), 16);
  const isRising = (ids: string[]) => ids.every((id, at) => at === 0 || ids[at - 1]! < id);

  test("are UUIDs of version 7 with the clock's time in them", () => {
    const newId = createNewId(() => now);
    for (let i = 0; i < 1000; i++) {
      const id = newId("evt");
      expect(isId("evt", id)).toBe(true);
      expect([versionOf(id), "89ab".includes(variantOf(id)!)]).toEqual(["7", true]);
      expect(msOf(id)).toBe(Date.parse(now));
    }
  });

  test("rise within a millisecond, even when its 4,096 places are used up", () => {
    const newId = createNewId(() => now);
    const ids = Array.from({ length: 10_000 }, () => newId("msg"));
    expect(isRising(ids)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.map(msOf).at(-1)! - Date.parse(now)).toBe(2);
  });

  test("rise when the clock stands still, jumps and goes backwards", () => {
    const steps = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: -100_000, max: 100_000 })), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(steps, (told) => {
        let at = now;
        const newId = createNewId(() => at);
        const ids = told.map((ms) => {
          at = after(at, ms);
          return newId("msg");
        });
        expect(isRising(ids)).toBe(true);
      }),
    );
  });

  test("follow the clock again as soon as it is ahead", () => {
    let at = now;
    const newId = createNewId(() => at);
    newId("msg");
    at = timestamp(Date.parse(now) - 5000);
    expect(msOf(newId("msg"))).toBe(Date.parse(now));
    at = timestamp(Date.parse(now) + 1);
    expect(msOf(newId("msg"))).toBe(Date.parse(now) + 1);
  });

  test("take 62 fresh random bits each", () => {
    const filled: number[] = [];
    let next = 0;
    const newId = createNewId(
      () => now,
      (bytes) => {
        filled.push(bytes.length);
        for (let i = 0; i < bytes.length; i++) bytes[i] = next++;
      },
    );
    const tails = Array.from({ length: 1024 }, () => uuidOf(newId("msg")).slice(19));
    expect(tails.slice(0, 2)).toEqual(["8001-020304050607", "8809-0a0b0c0d0e0f"]);
    expect(filled).toEqual([4096, 4096]);
  });
});
