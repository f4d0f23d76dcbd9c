import { expect, onTestFinished, test } from "vitest";
import { Pool } from "../../src/db/pool.ts";

/** A pool of so many connections, and what is under way on each, which ends when the test says so. */
function setUp(size: number, silence_ms = { statement: 60_000, transaction: 60_000 }) {
  let opened = 0;
  const closed: number[] = [];
  const driver = {
    open: () => opened++,
    close: async (client: number) => void closed.push(client),
    isLoss: (error: unknown) => (error as { code?: string }).code === "ETIMEDOUT" || (error as Error).message.startsWith("lost"),
  };
  const pool = new Pool<number>(size, driver, { silence_ms, looked_every_ms: 10 });
  onTestFinished(() => pool.close());
  const under_way = new Map<string, { on: number; end: () => void; fail: () => void; heard: () => void }>();
  const begin = (purpose: "statement" | "transaction", name: string) =>
    pool.use(
      purpose,
      (on, heard) =>
        new Promise<string>((resolve, reject) => {
          const over = (then: () => void) => () => {
            under_way.delete(name);
            then();
          };
          under_way.set(name, { on, end: over(() => resolve(name)), fail: over(() => reject(new Error(name))), heard });
        }),
    );
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return {
    statement: (name: string) => ({ done: begin("statement", name) }),
    transaction: (name: string) => ({ done: begin("transaction", name) }),
    end: async (name: string) => {
      under_way.get(name)!.end();
      await settled();
    },
    fail: async (name: string) => {
      under_way.get(name)!.fail();
      await settled();
    },
    heard: (name: string) => under_way.get(name)!.heard(),
    closed,
    close: () => pool.close(),
    /** By name: on which client. */
    on: () => Object.fromEntries(Array.from(under_way, ([name, { on }]) => [name, on])),
  };
}

test("a statement goes to the first free connection, and where none is free behind as few others as possible", async () => {
  const { statement, end, on } = setUp(2);
  const all = ["a", "b", "c", "d", "e"].map((name) => statement(name).done);
  expect(on()).toEqual({ a: 0, b: 1, c: 0, d: 1, e: 0 });
  await end("b");
  await end("d");
  statement("f");
  expect(on()).toEqual({ a: 0, c: 0, e: 0, f: 1 });
  for (const name of ["a", "c", "e"]) await end(name);
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d", "e"]);
});

test("a transaction has a connection to itself, and statements go around it", async () => {
  const { statement, transaction, on } = setUp(2);
  transaction("tx");
  statement("a");
  statement("b");
  expect(on()).toEqual({ tx: 0, a: 1, b: 1 });
});

test("a transaction waits until a connection is free, and whoever comes after it waits behind it", async () => {
  const { statement, transaction, end, on } = setUp(1);
  statement("a");
  statement("b");
  transaction("tx");
  statement("c");
  expect(on()).toEqual({ a: 0, b: 0 });
  await end("a");
  expect(on(), "the connection is not yet free").toEqual({ b: 0 });
  await end("b");
  expect(on()).toEqual({ tx: 0 });
  await end("tx");
  expect(on()).toEqual({ c: 0 });
});

test("while all connections are held by transactions everybody waits, and goes in the order in which they came", async () => {
  const { statement, transaction, end, on } = setUp(2);
  for (const name of ["t1", "t2", "t3"]) transaction(name);
  for (const name of ["s1", "s2"]) statement(name);
  transaction("t4");
  expect(on()).toEqual({ t1: 0, t2: 1 });
  await end("t2");
  expect(on()).toEqual({ t1: 0, t3: 1 });
  await end("t1");
  expect(on(), "statements share what is freed").toEqual({ t3: 1, s1: 0, s2: 0 });
  await end("t3");
  expect(on()).toEqual({ s1: 0, s2: 0, t4: 1 });
});

test("what fails frees its connection as well", async () => {
  const { statement, transaction, fail, on } = setUp(1);
  const first = transaction("tx");
  statement("a");
  const refused = expect(first.done).rejects.toThrow("tx");
  await fail("tx");
  await refused;
  expect(on()).toEqual({ a: 0 });
});

test("a client whose connection broke is replaced once, whatever was under way on it, and closed with the others no more", async () => {
  const { statement, fail, end, on, closed, close } = setUp(2);
  const lost = ["lost 1", "a", "lost 2"].map((name) => statement(name).done);
  expect(on()).toEqual({ "lost 1": 0, a: 1, "lost 2": 0 });
  const refused = Promise.allSettled([lost[0], lost[2]]);
  await fail("lost 1");
  await fail("lost 2");
  expect((await refused).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(closed).toEqual([0]);
  statement("b");
  expect(on(), "the third client is in the place of the first").toEqual({ a: 1, b: 2 });
  await end("a");
  await end("b");
  await close();
  expect(closed.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
});

test("a connection that says nothing for too long is given up by all who wait for it, and those that were silent as long go with it", async () => {
  const { statement, transaction, end, on, closed } = setUp(3, { statement: 150, transaction: 60_000 });
  statement("early");
  statement("early too");
  await end("early");
  await end("early too");
  await new Promise((resolve) => setTimeout(resolve, 20));
  const refused = ["a", "b", "c"].map((name) => statement(name).done);
  transaction("tx");
  expect(on(), "the transaction waits").toEqual({ a: 0, b: 1, c: 2 });
  await end("c");
  expect(on()).toEqual({ a: 0, b: 1, tx: 2 });
  const outcomes = await Promise.allSettled(refused);
  expect(outcomes.map((outcome) => (outcome.status === "rejected" ? (outcome.reason as { code: string }).code : outcome.value))).toEqual([
    "ETIMEDOUT",
    "ETIMEDOUT",
    "c",
  ]);
  expect(closed).toEqual([0, 1]);
  statement("d");
  expect(on()).toMatchObject({ d: 3, tx: 2 });
});

test("a connection on which something is answered is not silent, however long the last one waits; nor is a transaction that goes on", async () => {
  const { statement, transaction, end, heard, on, closed } = setUp(2, { statement: 150, transaction: 150 });
  const silent = transaction("tx").done;
  const all = ["a", "b", "c", "d"].map((name) => statement(name).done);
  for (const name of ["a", "b", "c", "d"]) {
    await new Promise((resolve) => setTimeout(resolve, 80));
    heard("tx");
    await end(name);
  }
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
  expect(on()).toEqual({ tx: 0 });
  await expect(silent).rejects.toMatchObject({ code: "ETIMEDOUT" });
  expect(closed).toContain(0);
});

test("whatever is asked in whatever order: a transaction shares its connection with nobody, and all come to an end", async () => {
  const { statement, transaction, end, on } = setUp(3);
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const all: Promise<string>[] = [];
  for (let n = 0; n < 500; n++) {
    all.push(random(3) === 0 ? transaction(`t${n}`).done : statement(`s${n}`).done);
    const running = Object.entries(on());
    for (const [name, lane] of running)
      if (name.startsWith("t")) expect(running.filter(([, other]) => other === lane)).toEqual([[name, lane]]);
    if (random(2) === 0 && running.length > 0) await end(running[random(running.length)]![0]);
  }
  for (let names = Object.keys(on()); names.length > 0; names = Object.keys(on())) await end(names[0]!);
  expect(await Promise.all(all)).toHaveLength(500);
});
