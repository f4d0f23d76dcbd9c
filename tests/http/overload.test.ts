import { sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { onPostgres, openDatabase } from "../support/database.ts";
import { createWorld } from "../support/world.ts";

const connections = 10;

test("while every connection to the database is taken, a request is sent away in time, and told when to come back", async () => {
  const connection = await openDatabase();
  const { db } = connection;
  onTestFinished(() => connection.close());
  const world = await createWorld({ db, database_wait_ms: 150 });
  const tenant = await world.tenant();

  const holders = onPostgres() ? connections : 1;
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  let holding = 0;
  const all = Array.from({ length: holders }, () =>
    db.transaction(async (tx) => {
      await tx.execute(sql`select 1`);
      holding += 1;
      await held;
    }),
  );
  await expect.poll(() => holding).toBe(holders);

  const answer = await tenant.get("/v1/me");
  expect(answer).toMatchObject({ status: 503, body: { code: "service_unavailable" } });
  expect(answer.headers.get("retry-after")).toBe("1");

  letGo();
  await Promise.all(all);
  expect((await tenant.get("/v1/me")).status).toBe(200);
});

test.skipIf(!onPostgres())("a statement that takes too long ends by itself, as a passing fault", async () => {
  const connection = await openDatabase();
  const { db } = connection;
  onTestFinished(() => connection.close());
  const [bound] = (await db.execute(sql`show statement_timeout`)) as unknown as { statement_timeout: string }[];
  expect(bound!.statement_timeout).toBe("15s");
});

test.each(["ECONNREFUSED", "53300", "57P01"])("a database that answers %s makes a 503, not a 500", async (code) => {
  const connection = await openDatabase();
  const { db } = connection;
  onTestFinished(() => connection.close());
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  db.execute = (() => Promise.reject(Object.assign(new Error("gone"), { code }))) as unknown as typeof db.execute;
  expect(await tenant.get("/v1/me")).toMatchObject({ status: 503, body: { code: "service_unavailable" } });
});
