import { and, eq, sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { conversations } from "../../src/conversations/tables.ts";
import { asApiError } from "../../src/core/errors.ts";
import { mine } from "../../src/db/mine.ts";
import { query } from "../../src/db/query.ts";
import { watching } from "../support/breakable-db.ts";
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

test.skipIf(!onPostgres())(
  "no session may hold a connection for ever, and a statement that takes too long ends as a passing fault",
  async () => {
    const connection = await openDatabase();
    const { db } = connection;
    onTestFinished(() => connection.close());
    const bounds = await query<{ name: string; setting: string }>(
      db,
      sql`select name, setting || unit as setting from pg_settings where name like '%\_timeout' and source = 'client' order by name`,
    );
    expect(Object.fromEntries(bounds.map(({ name, setting }) => [name, setting]))).toEqual({
      idle_in_transaction_session_timeout: "30000ms",
      lock_timeout: "5000ms",
      statement_timeout: "15000ms",
    });

    const slow = db.transaction(async (tx) => {
      await tx.execute(sql`set local statement_timeout = 50`);
      await tx.execute(sql`select pg_sleep(5)`);
    });
    const error: unknown = await slow.catch((thrown: unknown) => thrown);
    expect(asApiError(error)).toMatchObject({ code: "service_unavailable", status: 503, options: { headers: { "Retry-After": "1" } } });
  },
);

test.skipIf(!onPostgres())(
  "a change that waits too long for a row is sent away, told when to come back, and has changed nothing",
  async () => {
    const connection = await openDatabase();
    const { db } = connection;
    onTestFinished(() => connection.close());
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const { id } = await tenant.hears("Hello");

    let letGo = () => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    let is_held = false;
    const holder = db.transaction(async (tx) => {
      await tx
        .select()
        .from(conversations)
        .where(and(mine(tenant.ctx, conversations), eq(conversations.id, id)))
        .for("update");
      is_held = true;
      await held;
    });
    await expect.poll(() => is_held).toBe(true);
    const answer = await tenant.post(`/v1/conversations/${id}/close`);
    expect(answer).toMatchObject({ status: 503, body: { code: "service_unavailable" } });
    expect(answer.headers.get("retry-after")).toBe("1");
    letGo();
    await holder;
    expect((await tenant.get(`/v1/conversations/${id}`)).body["status"]).toBe("open");
    expect((await tenant.post(`/v1/conversations/${id}/close`)).status).toBe(200);
  },
);

test.each(
  "ECONNREFUSED EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EHOSTUNREACH 08006 25006 25P03 40001 40P01 53100 53200 53300 57P01 57P05".split(" "),
)("a database that answers %s makes a 503, not a 500", async (code) => {
  const connection = await openDatabase();
  onTestFinished(() => connection.close());
  let is_gone = false;
  const db = watching(connection.db, () => {
    if (is_gone) throw Object.assign(new Error("gone"), { code });
  });
  const tenant = await (await createWorld({ db })).tenant();
  is_gone = true;
  const answer = await tenant.get("/v1/me");
  expect(answer).toMatchObject({ status: 503, body: { code: "service_unavailable" } });
  expect(answer.headers.get("retry-after")).toBe("1");
});
