import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { sql } from "drizzle-orm";
import { expect, inject, onTestFinished, test } from "vitest";
import { connectPostgres } from "../../src/db/connect.ts";
import { query } from "../../src/db/query.ts";
import { cloneDatabase, onPostgres } from "../support/database.ts";
import { createWorld } from "../support/world.ts";

/** A way to the database on which what is open falls silent without an end, while what is opened anew gets through. */
async function setUp() {
  const template = inject("template");
  if (template.kind !== "postgres") throw new Error("this needs a server");
  const url = new URL(await cloneDatabase(template));
  const target = { host: url.hostname, port: Number(url.port) };
  const sockets = new Set<Socket>();
  let era = 0;
  const way = createServer((near) => {
    const own_era = era;
    const far = connect(target);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("data", (bytes) => void (own_era === era && to.write(bytes)));
      from.on("close", () => own_era === era && to.destroy());
    }
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => way.once("listening", resolve));
  url.port = String((way.address() as AddressInfo).port);
  const connection = connectPostgres(url.href, { pool_size: 3, silence_ms: { statement: 400, transaction: 600 } });
  onTestFinished(async () => {
    await connection.close();
    for (const socket of sockets) socket.destroy();
    way.close();
  });
  return { db: connection.db, bus: connection.bus!, fallSilent: () => void (era += 1) };
}

const soon = { timeout: 10_000, interval: 50 };

test.runIf(onPostgres())(
  "a database that falls silent is unavailable for a moment, and then asked over other connections",
  { timeout: 60_000 },
  async () => {
    const { db, fallSilent } = await setUp();
    const world = await createWorld({ db, database_wait_ms: 3000 });
    const tenant = await world.tenant();
    const many = () => Promise.all(Array.from({ length: 12 }, async () => (await tenant.get("/v1/me")).status));
    expect(new Set(await many())).toEqual(new Set([200]));

    fallSilent();
    const refused = await tenant.get("/v1/me");
    expect(refused).toMatchObject({ status: 503, body: { code: "service_unavailable" } });
    expect(refused.headers.get("retry-after")).toBe("1");
    await expect.poll(many, soon).toEqual(Array(12).fill(200));

    fallSilent();
    expect((await tenant.post("/v1/contacts", { name: "Lost" })).status).toBe(503);
    await expect.poll(async () => (await tenant.post("/v1/contacts", { name: "Sara" })).status, soon).toBe(200);
  },
);

test.runIf(onPostgres())(
  "a transaction in which the database falls silent rejects, and has changed nothing",
  { timeout: 60_000 },
  async () => {
    const { db, fallSilent } = await setUp();
    await db.execute(sql`create table kept (n int)`);
    const lost = db.transaction(async (tx) => {
      await tx.execute(sql`insert into kept values (1)`);
      fallSilent();
      await tx.execute(sql`insert into kept values (2)`);
    });
    await expect(lost).rejects.toThrow();
    const held = db.transaction(async (tx) => {
      await tx.execute(sql`insert into kept values (3)`);
    });
    await held;
    expect(await query(db, sql`select n from kept`)).toEqual([{ n: 3 }]);
  },
);

test.runIf(onPostgres())("who could not be told that rows are waiting is told again", { timeout: 60_000 }, async () => {
  const { bus, fallSilent } = await setUp();
  await bus.say("one");
  fallSilent();
  await expect(bus.say("two")).rejects.toThrow();
  await bus.say("three");
});
