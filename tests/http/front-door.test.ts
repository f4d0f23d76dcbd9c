import { expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { mintToken } from "../../src/api-keys/token.ts";
import { isId } from "../../src/core/ids.ts";
import { minutes } from "../../src/core/time.ts";
import { goneDatabase } from "../support/gone-db.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { freshAddress } from "../support/windows.ts";
import { createWorld } from "../support/world.ts";

test("every answer has an id of its own, whatever is asked", async () => {
  const { app } = await createWorld();
  const asked = [
    ["GET", "/v1/me"],
    ["PUT", "/v1/me"],
    ["GET", "/trpc/me.get"],
    ["GET", "/"],
    ["GET", "/docs"],
    ["GET", "/docs/errors/nothing"],
    ["GET", "/openapi.json"],
    ["GET", "/healthz"],
    ["GET", "/readyz"],
    ["POST", "/cron/messages"],
    ["POST", "/hooks/meta/chan_7"],
    ["GET", "/nothing"],
    ["OPTIONS", "/nothing"],
    ["HEAD", "/v1/me"],
  ] as const;
  const ids = [];
  for (const [method, path] of asked) {
    const id = (await app.request(path, { method })).headers.get("x-request-id") ?? "none";
    expect(isId("req", id), `${method} ${path} has ${id}`).toBe(true);
    ids.push(id);
  }
  expect(new Set(ids).size).toBe(asked.length);
});

test("the id is ours to give: one that a client sends is not taken over", async () => {
  const world = await createWorld();
  const { headers, body } = await world.request("/v1/me", { headers: { "X-Request-Id": "req_01m7x0q4w6e8r9t2y3v5n7b1c4" } });
  expect(headers.get("x-request-id")).not.toBe("req_01m7x0q4w6e8r9t2y3v5n7b1c4");
  expect(body["request_id"]).toBe(headers.get("x-request-id"));
});

test("who asks, and whether they may, is one statement", async () => {
  const { db, statements } = await openWatchedDatabase();
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  const count = async (ask: () => Promise<unknown>) => {
    statements.length = 0;
    await ask();
    return statements.length;
  };
  expect(await count(() => tenant.get("/v1/nothing")), "a known key, an unknown path").toBe(1);
  expect(await count(() => tenant.get("/v1/me")), "and one of the operation's own").toBe(2);
  expect(await count(() => tenant.get("/v1/conversations")), "and one of the list's own").toBe(2);
  expect(await count(() => tenant.get("/v1/conversations?limit=x")), "a refused input needs no more").toBe(1);
  expect(await count(() => tenant.post("/v1/webhook_secret/rotate", { surprise: 1 })), "nor a transaction").toBe(1);
  expect(await count(() => world.request("/v1/me", { key: mintToken() })), "an unknown key").toBe(1);
  expect(await count(() => world.request("/v1/me")), "no key").toBe(0);
  const { token } = await tenant.mint({ rate_limit_per_minute: 1 });
  expect(await count(() => world.request("/v1/nothing", { key: token }))).toBe(1);
  expect(await count(() => world.request("/v1/nothing", { key: token })), "a denied one").toBe(1);
});

test("an address that sends nothing but malformed keys is told to stop, out of this process's memory", async () => {
  const world = await createWorld({ ip_limit_per_minute: 3, trusted_proxies: ["127.0.0.1"] });
  const from = (address: string, key = "wsk_live_nonsense") => world.request("/v1/me", { key, headers: { "X-Forwarded-For": address } });
  const forger = freshAddress();
  for (let n = 0; n < 3; n++) expect((await from(forger)).status).toBe(401);
  const answer = await from(forger, "wsk_live_another");
  expect(answer).toMatchObject({ status: 429, body: { code: "too_many_requests", limit: { scope: "ip", limit: 3, window_seconds: 60 } } });
  const wait = Number(answer.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(50);
  expect(wait).toBeLessThanOrEqual(60);
  expect((await from(freshAddress())).status, "other addresses are not held back").toBe(401);

  world.advance(minutes(1));
  expect((await from(forger)).status, "until the minute is over").toBe(401);
});

test("a good key is good also at an address that forges others", async () => {
  const world = await createWorld({ ip_limit_per_minute: 3, trusted_proxies: ["127.0.0.1"] });
  const tenant = await world.tenant();
  const headers = { "X-Forwarded-For": freshAddress() };
  for (let n = 0; n < 6; n++) await world.request("/v1/me", { key: "wsk_live_nonsense", headers });
  expect((await tenant.get("/v1/me", { headers })).status).toBe(200);
});

test("neighbours in one IPv6 network are one forger", async () => {
  const world = await createWorld({ ip_limit_per_minute: 2, trusted_proxies: ["127.0.0.1"] });
  const from = (address: string) => world.request("/v1/me", { key: "wsk_live_nonsense", headers: { "X-Forwarded-For": address } });
  await from("2001:db8:7:7::1");
  await from("2001:db8:7:7:aaaa::2");
  expect((await from("2001:db8:7:7:bbbb:cccc::3")).status).toBe(429);
  expect((await from("2001:db8:7:8::1")).status).toBe(401);
});

test("no answer opens the API to browsers of other origins", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const origin = { Origin: "https://example.com", "Access-Control-Request-Method": "GET" };
  for (const answer of [
    await tenant.get("/v1/me", { headers: origin }),
    await tenant.get("/v1/me", { method: "OPTIONS", headers: origin }),
  ]) {
    for (const name of answer.headers.keys()) expect(name).not.toMatch(/^access-control/);
  }
});

test("a fault of ours says nothing but its request id, and is logged once with its cause", async () => {
  const world = await createWorld({ db: goneDatabase() });
  const answer = await world.request("/v1/me", { key: mintToken() });
  expect(answer.status).toBe(500);
  expect(answer.body).toEqual({
    type: "https://api.wassla.test/docs/errors/internal_error",
    title: "Internal error",
    status: 500,
    code: "internal_error",
    detail: "The fault is ours.",
    instance: "/v1/me",
    request_id: answer.headers.get("x-request-id"),
  });
  expect(world.logged).toEqual([
    {
      level: "error",
      message: "request failed",
      fields: { err: expect.any(Error) as Error, request_id: answer.body["request_id"], instance: "/v1/me" },
    },
  ]);
});

test("an error that nobody foresaw, in any route, is a silent problem too", async () => {
  const world = await createWorld();
  const { services, last_used, logged } = world;
  const app = createApp({ services, last_used, cron_secret: "x", ip_limit_per_minute: 10, trusted_proxies: [] });
  app.get("/broken", () => {
    throw new Error("select secret from table");
  });
  const response = await app.request("/broken");
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(text).not.toContain("secret");
  expect(JSON.parse(text)).toMatchObject({ code: "internal_error", request_id: response.headers.get("x-request-id") });
  expect(logged).toHaveLength(1);
});
