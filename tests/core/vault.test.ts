import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createVault } from "../../src/core/vault.ts";

const [first, second] = ["the first master key, long enough to be one", "the second master key, long enough as well"];
const place = { workspace_id: "ws_01m7x0q4w6e8r9t2y3v5n7b1c4", column: "channels.credentials" };
const vault = createVault([first]);
const seal = (plaintext = "a secret") => vault.seal("channel_credentials", place, plaintext);

describe("what is sealed", () => {
  test("opens in its place, whatever it says", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (secret) => vault.open("channel_credentials", place, seal(secret)) === secret));
  });

  test("never looks the same twice, and says nothing", () => {
    expect(seal()).not.toBe(seal());
    expect(seal()).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]+$/);
    expect(seal()).not.toContain("secret");
  });

  test.each([
    ["in another workspace", () => vault.open("channel_credentials", { ...place, workspace_id: "ws_other" }, seal())],
    ["in another column", () => vault.open("channel_credentials", { ...place, column: "webhook_secrets.secret" }, seal())],
    ["for another purpose", () => vault.open("webhook_secrets", place, seal())],
    ["under another master key", () => createVault([second]).open("channel_credentials", place, seal())],
  ])("does not open %s", (_, open) => {
    expect(open).toThrow();
  });

  test("does not open with any of its characters changed", () => {
    const sealed = seal();
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom("A", "Q", "g", "w", "_", ".", "0"), (at, character) => {
        const forged = sealed.slice(0, at) + character + sealed.slice(at + 1);
        fc.pre(forged !== sealed);
        expect(() => vault.open("channel_credentials", place, forged)).toThrow();
      }),
    );
  });

  test.each([
    [
      "whose tag is cut short",
      (parts: string[]) => [...parts.slice(0, 3), Buffer.from(parts[3]!, "base64url").subarray(0, -4).toString("base64url")],
    ],
    [
      "that is a tag alone",
      (parts: string[]) => [...parts.slice(0, 3), Buffer.from(parts[3]!, "base64url").subarray(-16).toString("base64url")],
    ],
    [
      "that is less than a tag",
      (parts: string[]) => [...parts.slice(0, 3), Buffer.from(parts[3]!, "base64url").subarray(-12).toString("base64url")],
    ],
    ["without a body", (parts: string[]) => parts.slice(0, 3)],
    ["without a nonce", (parts: string[]) => [parts[0]!, parts[1]!, "", parts[3]!]],
    ["of another version", (parts: string[]) => ["v2", ...parts.slice(1)]],
    ["that is nothing", () => [""]],
  ])("does not open where it is a text %s", (_, change) => {
    expect(() => vault.open("channel_credentials", place, change(seal().split(".")).join("."))).toThrow();
  });
});

describe("a master key", () => {
  test("is rotated by putting the new one in front: both open, the new one seals", () => {
    const rotated = createVault([second, first]);
    expect(rotated.open("channel_credentials", place, seal())).toBe("a secret");

    const sealed = rotated.seal("channel_credentials", place, "a newer secret");
    expect(rotated.open("channel_credentials", place, sealed)).toBe("a newer secret");
    expect(createVault([second]).open("channel_credentials", place, sealed)).toBe("a newer secret");
    expect(() => vault.open("channel_credentials", place, sealed)).toThrow("not configured");
  });

  test("signs with the newest and knows the signatures of all", () => {
    const rotated = createVault([second, first]);
    const [old, newer] = [vault.sign("cursors", "text"), rotated.sign("cursors", "text")];
    expect(newer).toBe(createVault([second]).sign("cursors", "text"));
    for (const signature of [old, newer]) expect(rotated.isSignature(signature, "cursors", "text")).toBe(true);
    expect(vault.isSignature(newer, "cursors", "text"), "before the rotation").toBe(false);
    expect(vault.sign("cursors", "text")).toMatch(/^[\w-]{22}$/);
    expect(vault.sign("cursors", "text")).not.toBe(vault.sign("cursors", "text "));
    expect(vault.sign("cursors", "text")).not.toBe(vault.sign("webhook_secrets", "text"));
  });

  test("knows a signature from what only looks like one", () => {
    const signature = vault.sign("cursors", "text");
    const looks_alike = signature.replace(/^./, (first) => String.fromCharCode(first.charCodeAt(0) + 0x100));
    const changed = (signature.startsWith("A") ? "B" : "A") + signature.slice(1);
    for (const given of ["", changed, looks_alike, signature.slice(0, -1), `${signature}A`, `${signature} `, `${signature}=`])
      expect(vault.isSignature(given, "cursors", "text"), given).toBe(false);
    expect(vault.isSignature(signature, "cursors", "another text")).toBe(false);
    expect(vault.isSignature(signature, "visitor_tokens", "text")).toBe(false);
  });

  test("there must be", () => {
    expect(() => createVault([])).toThrow(TypeError);
  });
});
