import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { mintToken } from "../../src/api-keys/token.ts";
import { uuidOf } from "../../src/core/ids.ts";
import { hours } from "../../src/core/time.ts";
import { query } from "../../src/db/query.ts";
import { rate_limit_windows } from "../../src/rate-limits/tables.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { freshAddress, hitsOf, letMinutePass, roomInMinute } from "../support/windows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

interface Limits {
  ip?: number;
  key?: number;
  tenant?: number;
}

/** A key behind an address of its own, with the limits that the test is about. */
async function setUp({ ip = 1000, key = 1000, tenant: of_tenant = 1000 }: Limits = {}) {
  const world = await createWorld({ ip_limit_per_minute: ip, trusted_proxies: ["127.0.0.1"] });
  const tenant = await world.tenant();
  await limitTenant(tenant, of_tenant);
  const { id, token } = await tenant.mint({ rate_limit_per_minute: key });
  const address = freshAddress();
  const { db } = world.services;
  await roomInMinute(db);
  return {
    world,
    tenant,
    db,
    id,
    token,
    address,
    ask: (path = "/v1/me", { key = token, from = address }: { key?: string | null; from?: string } = {}) =>
      world.request(path, { key, headers: { "X-Forwarded-For": from } }),
    hits: () => hitsOf(db, { ip: address, key: id, tenant: tenant.workspace_id }),
  };
}

const limitTenant = ({ ctx, workspace_id }: Tenant, api_rate_limit_per_minute: number) =>
  ctx.db.update(workspaces).set({ api_rate_limit_per_minute }).where(eq(workspaces.id, workspace_id));

const denial = (scope: string, limit: number) => ({
  status: 429,
  body: { code: "too_many_requests", limit: { scope, limit, window_seconds: 60 } },
});

test("a request counts once against its address, its key and its tenant", async () => {
  const { ask, hits } = await setUp();
  expect(await hits()).toEqual({ ip: 0, key: 0, tenant: 0 });
  await ask();
  expect(await hits()).toEqual({ ip: 1, key: 1, tenant: 1 });
  await ask("/v1/nothing");
  expect(await hits(), "a 404 is a request too").toEqual({ ip: 2, key: 2, tenant: 2 });
});

test.each([
  ["ip", { ip: 2, key: 2, tenant: 2 }, 2],
  ["key", { key: 2, tenant: 2 }, 2],
  ["tenant", { tenant: 2 }, 2],
] as const)("the first full window denies: %s", async (scope, limits, limit) => {
  const { ask } = await setUp(limits);
  expect((await ask()).status).toBe(200);
  expect((await ask()).status).toBe(200);
  expect(await ask()).toMatchObject(denial(scope, limit));
});

test.each([
  ["address", { ip: 2 }],
  ["key", { key: 2 }],
  ["tenant", { tenant: 2 }],
])("a request that the window of its %s denies is counted nowhere", async (_, limits) => {
  const { ask, hits } = await setUp(limits);
  await ask();
  await ask();
  const before = await hits();
  expect(before).toEqual({ ip: 2, key: 2, tenant: 2 });
  for (let n = 0; n < 3; n++) expect((await ask()).status).toBe(429);
  expect(await hits()).toEqual(before);
});

test("the headers say of each window what it allows, what remains, and when it starts again", async () => {
  const { ask } = await setUp({ ip: 50, key: 10, tenant: 30 });
  await ask();
  const { headers } = await ask();
  expect(headers.get("ratelimit-policy")).toBe('"ip";q=50;w=60, "key";q=10;w=60, "tenant";q=30;w=60');
  const reset = Number(headers.get("x-ratelimit-reset"));
  expect(reset).toBeGreaterThanOrEqual(1);
  expect(reset).toBeLessThanOrEqual(60);
  expect(headers.get("ratelimit")).toBe(`"ip";r=48;t=${reset}, "key";r=8;t=${reset}, "tenant";r=28;t=${reset}`);
  expect(headers.get("x-ratelimit-limit")).toBe("10");
  expect(headers.get("x-ratelimit-remaining")).toBe("8");
});

test("a denial says which window is full, until when, and what the others hold", async () => {
  const { ask, db } = await setUp({ ip: 50, key: 1, tenant: 30 });
  await ask();
  const { headers, body, status } = await ask();
  expect(status).toBe(429);
  const [{ next } = { next: "" }] = await query<{ next: string }>(
    db,
    sql`select to_char(date_trunc('minute', clock_timestamp() at time zone 'UTC') + interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') as next`,
  );
  expect(body["limit"]).toEqual({ scope: "key", limit: 1, window_seconds: 60, reset_at: next });
  expect(body["detail"]).toContain("1 requests a minute");
  const retry = Number(headers.get("retry-after"));
  expect(retry).toBeGreaterThanOrEqual(1);
  expect(retry).toBeLessThanOrEqual(60);
  expect(headers.get("ratelimit-policy")).toBe('"ip";q=50;w=60, "key";q=1;w=60, "tenant";q=30;w=60');
  expect(headers.get("ratelimit")).toBe(`"ip";r=49;t=${retry}, "key";r=0;t=${retry}, "tenant";r=29;t=${retry}`);
  expect(headers.get("x-ratelimit-remaining")).toBe("0");
});

test("every answer to a key has the headers, also a refused one and one of the typed client", async () => {
  const { world, ask, token } = await setUp();
  const answers = [await ask("/v1/nothing"), await ask("/v1/conversations?limit=x"), await ask("/v1/conversations/7")];
  expect(answers.map(({ status }) => status)).toEqual([404, 400, 404]);
  for (const path of ["/trpc/me.get?input=%7B%7D", "/trpc/nothing", "/trpc/%zz"]) {
    const response = await world.app.request(path, { headers: { Authorization: `Bearer ${token}` } });
    answers.push({ status: response.status, headers: response.headers, body: {} });
  }
  for (const { headers } of answers)
    expect(headers.get("ratelimit")).toMatch(/^"ip";r=\d+;t=\d+, "key";r=\d+;t=\d+, "tenant";r=\d+;t=\d+$/);
});

test("two keys of a tenant share the tenant's window and nothing else", async () => {
  const { ask, tenant, hits } = await setUp({ tenant: 3 });
  const second = await tenant.mint({ rate_limit_per_minute: 2 });
  await ask();
  await ask("/v1/me", { key: second.token });
  await ask("/v1/me", { key: second.token });
  expect(await hits()).toEqual({ ip: 3, key: 1, tenant: 3 });
  expect(await ask()).toMatchObject(denial("tenant", 3));
});

test("two tenants behind one address share the address's window and nothing else", async () => {
  const { ask, world } = await setUp({ ip: 2, key: 5, tenant: 5 });
  const other = await world.tenant();
  await ask();
  await ask("/v1/me", { key: other.api_key });
  expect(await ask()).toMatchObject(denial("ip", 2));
  expect(await ask("/v1/me", { from: freshAddress() })).toMatchObject({ status: 200 });
});

test("a key keeps its one window at every address it is used from", async () => {
  const { ask, hits } = await setUp({ key: 3 });
  for (let n = 0; n < 3; n++) expect((await ask("/v1/me", { from: freshAddress() })).status).toBe(200);
  expect(await ask()).toMatchObject(denial("key", 3));
  expect(await hits()).toEqual({ ip: 0, key: 3, tenant: 3 });
});

test("a window is over with its minute", async () => {
  const { ask, db, id } = await setUp({ key: 1 });
  expect((await ask()).status).toBe(200);
  expect((await ask()).status).toBe(429);
  await letMinutePass(db, uuidOf(id));
  expect((await ask()).status).toBe(200);
});

test("the minute is the database's: the application's clock moves no window", async () => {
  const { world, ask, db, id } = await setUp({ key: 1 });
  await ask();
  world.advance(hours(3));
  expect((await ask()).status).toBe(429);
  const [window] = await query<{ aligned: boolean; current: boolean }>(
    db,
    sql`select window_start = date_trunc('minute', window_start) as aligned,
      clock_timestamp() >= window_start and clock_timestamp() < window_start + interval '1 minute' as current
      from ${rate_limit_windows} where subject = ${uuidOf(id)}`,
  );
  expect(window).toEqual({ aligned: true, current: true });
});

test("a limit that was lowered below what is used denies, one that was raised admits", async () => {
  const { ask, tenant, hits } = await setUp({ tenant: 5 });
  for (let n = 0; n < 3; n++) await ask();
  await limitTenant(tenant, 2);
  expect(await ask()).toMatchObject(denial("tenant", 2));
  await limitTenant(tenant, 4);
  expect((await ask()).status).toBe(200);
  expect(await hits()).toEqual({ ip: 4, key: 4, tenant: 4 });
});

test("a well-formed key that nobody has counts against its address alone", async () => {
  const { ask, hits } = await setUp({ ip: 2 });
  expect((await ask("/v1/me", { key: mintToken() })).status).toBe(401);
  expect((await ask("/v1/me", { key: mintToken() })).status).toBe(401);
  expect(await hits()).toEqual({ ip: 2, key: 0, tenant: 0 });
  const answer = await ask("/v1/me", { key: mintToken() });
  expect(answer).toMatchObject(denial("ip", 2));
  expect(answer.headers.get("ratelimit"), "whoever is nobody learns no windows").toBeNull();
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("a key that is revoked or expired counts against its address alone", async () => {
  const { world, ask, tenant, hits } = await setUp();
  const expired = await tenant.mint({ expires_at: world.now() });
  world.advance(1);
  expect((await ask("/v1/me", { key: expired.token })).status).toBe(401);
  expect(await hits()).toEqual({ ip: 1, key: 0, tenant: 0 });
  expect(await hitsOf(tenant.ctx.db, { key: expired.id })).toEqual({ key: 0 });
});

test("requests without a key, and with a malformed one, touch no window", async () => {
  const { ask, hits } = await setUp();
  await ask("/v1/me", { key: null });
  await ask("/v1/me", { key: "wsk_live_nonsense" });
  expect(await hits()).toEqual({ ip: 0, key: 0, tenant: 0 });
});

test("what needs no key needs no window", async () => {
  const { ask, hits } = await setUp({ ip: 1 });
  expect((await ask("/openapi.json")).status).toBe(200);
  for (const path of ["/healthz", "/readyz"]) for (let n = 0; n < 2; n++) expect((await ask(path)).status).toBe(200);
  expect(await hits()).toEqual({ ip: 0, key: 0, tenant: 0 });
});
