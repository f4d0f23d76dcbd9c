import { expect, test } from "vitest";
import { mintToken } from "../../src/api-keys/token.ts";
import { watching } from "../support/breakable-db.ts";
import { database } from "../support/database.ts";
import { freshAddress, hitsOf } from "../support/windows.ts";
import { createWorld } from "../support/world.ts";

/** A key whose first request waits for its answer until the test lets it have it, so that the next ones gather. */
async function setUp(key_limit = 1000) {
  const { db } = await database();
  let asked = 0;
  let letGo: () => void;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  let breakNext = false;
  const watched = watching(db, (statement) => {
    if (!statement.includes("across tenants: who asks")) return undefined;
    asked += 1;
    if (asked > 1 && breakNext) {
      breakNext = false;
      throw new Error("the test broke this statement");
    }
    return asked === 1 ? held : undefined;
  });
  const world = await createWorld({ db: watched, trusted_proxies: ["127.0.0.1"] });
  const tenant = await (await createWorld()).tenant();
  const { id, token } = await tenant.mint({ rate_limit_per_minute: key_limit });
  const address = freshAddress();
  const ask = (path = "/v1/me", key = token) => world.request(path, { key, headers: { "X-Forwarded-For": address } });
  return {
    tenant,
    id,
    ask,
    /** A batch of the typed client, which counts as so many requests. */
    askBatch: (calls: number) => ask(`/trpc/${Array(calls).fill("me.get").join(",")}?batch=1&input=%7B%7D`),
    /** The first request, and the others, which come while it is asked for. Between them and their turn something may happen. */
    gather: async <T>(first: () => Promise<T>, others: (() => Promise<T>)[], meanwhile: () => Promise<unknown> = async () => {}) => {
      const soon = () => new Promise((resolve) => setTimeout(resolve, 20));
      const answers = [first()];
      await soon();
      answers.push(...others.map((other) => other()));
      await soon();
      await meanwhile();
      letGo();
      return Promise.all(answers);
    },
    letGo: () => letGo(),
    breakNext: () => (breakNext = true),
    asked: () => asked,
    hits: () => hitsOf(db, { ip: address, key: id, tenant: tenant.workspace_id }),
  };
}

const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status);

test("what one key asks while it is asked for is asked for together: each is counted, and told what remains after it", async () => {
  const { ask, gather, asked, hits } = await setUp(50);
  const answers = await gather(
    () => ask(),
    Array.from({ length: 19 }, () => () => ask()),
  );
  expect(statuses(answers)).toEqual(Array(20).fill(200));
  expect(asked(), "the first one, and all the others").toBe(2);
  const remaining = answers.map(({ headers }) => Number(headers.get("x-ratelimit-remaining")));
  expect(remaining, "in the order in which they came").toEqual(Array.from({ length: 20 }, (_, n) => 49 - n));
  expect(await hits()).toEqual({ ip: 20, key: 20, tenant: 20 });
});

test("a key that is revoked while requests gather is refused to all of them: it is read after they came", async () => {
  const { ask, gather, tenant, id } = await setUp();
  const answers = await gather(
    () => ask(),
    [() => ask(), () => ask()],
    () => tenant.post(`/v1/api_keys/${id}/revoke`),
  );
  expect(statuses(answers)).toEqual([200, 401, 401]);
  expect(answers[1]!.body).toMatchObject({ code: "unauthorized", reason: "revoked_token" });
});

test("where only some have room, those who came first are let in, and a smaller one behind a larger one", async () => {
  const { askBatch, gather, hits } = await setUp(5);
  const answers = await gather(
    () => askBatch(1),
    [3, 3, 1, 1].map((calls) => () => askBatch(calls)),
  );
  expect(answers.map(({ status }) => status !== 429)).toEqual([true, true, false, true, false]);
  expect(await hits()).toEqual({ ip: 5, key: 5, tenant: 5 });
});

test("where nobody has room, all are refused by one look", async () => {
  const { ask, gather, asked, hits } = await setUp(1);
  const answers = await gather(
    () => ask(),
    Array.from({ length: 10 }, () => () => ask()),
  );
  expect(statuses(answers)).toEqual([200, ...Array<number>(10).fill(429)]);
  expect(asked()).toBe(2);
  expect(await hits()).toEqual({ ip: 1, key: 1, tenant: 1 });
});

test("those behind a request whose answer hangs are asked for without it", async () => {
  const { ask, letGo, asked } = await setUp();
  const first = ask();
  await expect.poll(asked).toBe(1);
  expect(statuses(await Promise.all([ask(), ask()]))).toEqual([200, 200]);
  expect(asked()).toBe(2);
  letGo();
  expect((await first).status).toBe(200);
});

test("keys do not wait for one another: a second one has its answer while the first one's is held", async () => {
  const { ask, gather, tenant } = await setUp();
  const { token } = await tenant.mint({});
  await gather(
    () => ask(),
    [],
    async () => expect((await ask("/v1/me", token)).status).toBe(200),
  );
});

test("a key that nobody has counts each time against its address", async () => {
  const { ask, gather, hits } = await setUp();
  const unknown = mintToken();
  const answers = await gather(() => ask("/v1/me", unknown), [() => ask("/v1/me", unknown), () => ask("/v1/me", unknown)]);
  expect(statuses(answers)).toEqual([401, 401, 401]);
  expect(await hits()).toEqual({ ip: 3, key: 0, tenant: 0 });
});

test("when the database fails all who gathered are told, nothing is counted, and the next one asks afresh", async () => {
  const { ask, gather, breakNext, hits } = await setUp();
  breakNext();
  const answers = await gather(() => ask(), [() => ask(), () => ask()]);
  expect(statuses(answers)).toEqual([200, 500, 500]);
  expect((await ask()).status).toBe(200);
  expect(await hits()).toEqual({ ip: 2, key: 2, tenant: 2 });
});
