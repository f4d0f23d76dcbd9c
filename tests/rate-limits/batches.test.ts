import { expect, test } from "vitest";
import { freshAddress, hitsOf, roomInMinute } from "../support/windows.ts";
import { createWorld } from "../support/world.ts";

async function setUp(key_limit: number) {
  const world = await createWorld({ trusted_proxies: ["127.0.0.1"] });
  const tenant = await world.tenant();
  const { id, token } = await tenant.mint({ rate_limit_per_minute: key_limit });
  const address = freshAddress();
  await roomInMinute(world.services.db);
  return {
    batch: (paths: string, search = "?batch=1&input=%7B%7D", mount = "trpc") =>
      world.app.request(`/${mount}/${paths}${search}`, { headers: { Authorization: `Bearer ${token}`, "X-Forwarded-For": address } }),
    hits: () => hitsOf(world.services.db, { ip: address, key: id, tenant: tenant.workspace_id }),
  };
}

test("a batch of n calls counts n times in each window", async () => {
  const { batch, hits } = await setUp(100);
  const response = await batch("me.get,me.get,me.get");
  expect(response.headers.get("x-ratelimit-remaining")).toBe("97");
  expect(await hits()).toEqual({ ip: 3, key: 3, tenant: 3 });
});

test.each([
  ["a comma that is encoded", "me.get%2Cme.get", "?batch=1"],
  ["a comma that is encoded in small letters", "me.get%2cme.get", "?batch=1"],
  ["a batch parameter whose name is encoded", "me.get,me.get", "?%62atch=1"],
  ["a second batch parameter", "me.get,me.get", "?batch=1&batch=0"],
  ["a slash at the end", "me.get,me.get/", "?batch=1"],
])("%s hides no call", async (_, paths, search) => {
  const { batch, hits } = await setUp(100);
  const response = await batch(paths, search);
  expect((await response.json()) as unknown[]).toHaveLength(2);
  expect(await hits()).toEqual({ ip: 2, key: 2, tenant: 2 });
});

test("a mount that is encoded hides no call", async () => {
  const { batch, hits } = await setUp(100);
  await batch("x,me.get,me.get", "?batch=1", "%74rpc");
  expect(await hits()).toEqual({ ip: 3, key: 3, tenant: 3 });
});

test("what is no batch counts once, whatever its path", async () => {
  const { batch, hits } = await setUp(100);
  await batch("me.get,me.get", "?batch=0");
  expect(await hits()).toEqual({ ip: 1, key: 1, tenant: 1 });
});

test("a batch that has no room is denied as a whole and counted nowhere", async () => {
  const { batch, hits } = await setUp(5);
  await batch("me.get,me.get,me.get");
  const response = await batch("me.get,me.get,me.get");
  expect(response.status).toBe(429);
  expect(response.headers.get("ratelimit")).toContain('"key";r=2;');
  expect(await hits()).toEqual({ ip: 3, key: 3, tenant: 3 });
  expect((await batch("me.get,me.get")).status, "a smaller one still fits").not.toBe(429);
  expect(await hits()).toEqual({ ip: 5, key: 5, tenant: 5 });
});

test("a batch that is larger than the limit itself is denied in an empty minute, and counted nowhere", async () => {
  const { batch, hits } = await setUp(2);
  const response = await batch("me.get,me.get,me.get");
  expect(response.status).toBe(429);
  expect(await response.json()).toMatchObject({
    error: { data: { problem: { code: "too_many_requests", limit: { scope: "key", limit: 2 } } } },
  });
  expect(await hits()).toEqual({ ip: 0, key: 0, tenant: 0 });
});

test("a batch that is refused for its size has been counted: it was looked at", async () => {
  const { batch, hits } = await setUp(100);
  expect((await batch(Array(21).fill("me.get").join(","))).status).toBe(400);
  expect(await hits()).toEqual({ ip: 21, key: 21, tenant: 21 });
});

test("a batch of changes counts and is bounded like one of queries", async () => {
  const world = await createWorld({ trusted_proxies: ["127.0.0.1"] });
  const tenant = await world.tenant();
  const { id, token } = await tenant.mint();
  const address = freshAddress();
  await roomInMinute(world.services.db);
  const change = (count: number) =>
    world.request<{ result?: object }[]>(`/trpc/${Array(count).fill("contacts.upsert").join(",")}?batch=1`, {
      method: "POST",
      key: token,
      headers: { "X-Forwarded-For": address },
      body: Object.fromEntries(Array.from({ length: count }, (_, n) => [n, { name: `Contact ${n}` }])),
    });
  const hits = () => hitsOf(world.services.db, { ip: address, key: id, tenant: tenant.workspace_id });

  const { status, body } = await change(20);
  expect({ status, done: body.filter(({ result }) => result).length }).toEqual({ status: 200, done: 20 });
  expect(await hits()).toEqual({ ip: 20, key: 20, tenant: 20 });
  expect((await change(21)).status).toBe(400);
  expect((await tenant.get<{ data: object[] }>("/v1/contacts?limit=100")).body.data, "and nothing of it is done").toHaveLength(20);
});
