import { crc32 } from "node:zlib";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { api_key_digests, api_keys } from "../../src/api-keys/tables.ts";
import { checksum, digestOf, isWellFormed, mintToken, prefixOf } from "../../src/api-keys/token.ts";
import { query } from "../../src/db/query.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { createWorld } from "../support/world.ts";

const zeros = `wsk_live_${"0".repeat(32)}`;
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

test("32 zeros have the checksum that is published", () => {
  expect(zeros + checksum(zeros)).toBe("wsk_live_0000000000000000000000000000000031QPIk");
});

test("a token has 47 characters: the prefix, 32 random ones and 6 of the checksum", () => {
  for (let i = 0; i < 200; i++) {
    const token = mintToken();
    expect(token).toMatch(/^wsk_live_[0-9A-Za-z]{38}$/);
    expect(token).toHaveLength(47);
    expect(isWellFormed(token)).toBe(true);
  }
});

test("no two tokens are the same, and every character of the alphabet is drawn", () => {
  const tokens = Array.from({ length: 500 }, mintToken);
  expect(new Set(tokens).size).toBe(tokens.length);
  const drawn = new Set(tokens.flatMap((token) => token.slice(9, 41).split("")));
  expect(Array.from(drawn).toSorted().join("")).toBe(base62.split("").toSorted().join(""));
});

test.skipIf(typeof crc32 !== "function")("the checksum is the CRC-32 of zlib in base62, the most significant digit first", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^wsk_live_[0-9A-Za-z]{32}$/), (head) => {
      const value = checksum(head)
        .split("")
        .reduce((sum, digit) => sum * 62 + base62.indexOf(digit), 0);
      expect(value).toBe(crc32(head));
    }),
  );
});

test("a token with any one character changed is refused", () => {
  fc.assert(
    fc.property(fc.nat(46), fc.constantFrom(...base62.split(""), "_", "-", " ", "é", "\0"), (at, character) => {
      const token = mintToken();
      fc.pre(token[at] !== character);
      expect(isWellFormed(token.slice(0, at) + character + token.slice(at + 1))).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test("a token that is too short, too long or has two neighbours swapped is refused", () => {
  fc.assert(
    fc.property(fc.nat(45), (at) => {
      const token = mintToken();
      fc.pre(token[at] !== token[at + 1]);
      expect(isWellFormed(token.slice(0, at) + token[at + 1]! + token[at]! + token.slice(at + 2))).toBe(false);
      expect(isWellFormed(token.slice(0, at) + token.slice(at + 1))).toBe(false);
      expect(isWellFormed(token.slice(0, at) + token[at]! + token.slice(at))).toBe(false);
    }),
  );
});

test("what is stored is the SHA-256 of the whole token, and the prefix its first eight random characters", () => {
  const token = zeros + checksum(zeros);
  expect(Buffer.from(digestOf(token), "base64url").toString("hex")).toBe(
    "5d47b1afa91566bb20dcc83e0f5e58108125ce11c1f7d9c3a23fcd6aed027a00",
  );
  expect(prefixOf("wsk_live_ABCDEFGHijklmnop")).toBe("ABCDEFGH");
});

test("a lookalike is refused without a single statement", async () => {
  const { db, statements } = await openWatchedDatabase();
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  statements.length = 0;
  const last = tenant.api_key.at(-1) === "0" ? "1" : "0";
  for (const token of [tenant.api_key.slice(0, -1) + last, tenant.api_key.slice(0, -1), `${tenant.api_key}0`, "wsk_live_", "wsk_test_x"]) {
    expect(await world.request("/v1/me", { key: token })).toMatchObject({ status: 401, body: { reason: "malformed_token" } });
  }
  expect(statements).toEqual([]);
  await tenant.get("/v1/me");
  expect(statements.length).toBeGreaterThan(0);
});

test("the token is nowhere in the database: a digest and a prefix are all that is kept", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id, token } = await tenant.mint();
  await tenant.get("/v1/me", { key: token });
  await world.request("/v1/me", { headers: { Authorization: `Basic ${token}` } });

  const { db } = world.services;
  const columns = await query<{ table_name: string; column_name: string }>(
    db,
    sql`select table_name, column_name from information_schema.columns where table_schema = 'public'`,
  );
  expect(columns.length).toBeGreaterThan(100);
  for (const { table_name, column_name } of columns) {
    const [found] = await query<{ n: number }>(
      db,
      sql`select count(*)::int as n from ${sql.identifier(table_name)} where position(${token.slice(17)} in ${sql.identifier(column_name)}::text) > 0`,
    );
    expect(found, `${table_name}.${column_name}`).toEqual({ n: 0 });
  }

  const [key] = await db
    .select()
    .from(api_keys)
    .where(sql`id = ${sql.param(id, api_keys.id)}`);
  expect(key!.prefix).toBe(token.slice(9, 17));
  const [digest] = await db
    .select()
    .from(api_key_digests)
    .where(sql`api_key_id = ${sql.param(id, api_key_digests.api_key_id)}`);
  expect(digest!.digest).toBe(digestOf(token));
});

test("two keys cannot share a digest", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id, token } = await tenant.mint();
  await expect(
    tenant.ctx.db.insert(api_key_digests).values({ digest: digestOf(token), workspace_id: tenant.workspace_id, api_key_id: id }),
  ).rejects.toThrow();
});
