import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { createLog, inOneLine } from "../../src/bin/log.ts";
import { database } from "../support/database.ts";

function lines() {
  const written: string[] = [];
  return { log: createLog("info", { write: (line) => void written.push(line) }), written };
}

test("secrets are not logged, however deep they stand", () => {
  const { log, written } = lines();
  log.info({ authorization: "Bearer s3cret", channel: { credentials: { access_token: "s3cret" } }, key: { token: "s3cret" } }, "told");
  expect(written.join()).not.toContain("s3cret");
});

test("an error of the database is logged with its reason, and without what a customer wrote", async () => {
  const { log, written } = lines();
  const { db } = await database();
  const error: unknown = await db.execute(sql`select ${"my secret words"}::int`).catch((thrown: unknown) => thrown);
  log.error({ err: error, request_id: "req_1" }, "request failed");
  expect(written.join()).not.toMatch(/select|secret words/);
  expect(JSON.parse(written[0]!)).toMatchObject({ request_id: "req_1", err: { message: "a statement failed", cause: { code: "22P02" } } });
});

test("an error is logged with its stack and what caused it", () => {
  const { log, written } = lines();
  log.error({ err: new Error("outer", { cause: new TypeError("inner") }) }, "failed");
  expect(JSON.parse(written[0]!)).toMatchObject({
    err: { message: "outer", stack: expect.stringContaining("at ") as string, cause: { type: "TypeError", message: "inner" } },
  });
});

test("a shell is told in one line what went wrong, and nothing of what was bound to a statement", () => {
  const query = (cause: Error) =>
    Object.assign(new Error("Failed query: select secret params: hush", { cause }), { query: "", params: [] });
  expect(inOneLine(query(new Error("the database system is starting up")))).toBe("a statement failed: the database system is starting up");
  expect(inOneLine(query(Object.assign(new Error('invalid input syntax for type uuid: "hush"'), { code: "22P02" })))).not.toContain("hush");
  expect(inOneLine(Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }))).toBe("ECONNREFUSED");
  expect(inOneLine(new Error("MASTER_KEY is required"))).toBe("MASTER_KEY is required");
});
