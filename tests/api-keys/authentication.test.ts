import { and, eq } from "drizzle-orm";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { api_key_digests, api_keys } from "../../src/api-keys/tables.ts";
import { mintToken } from "../../src/api-keys/token.ts";
import type { Id } from "../../src/core/ids.ts";
import { after, minutes } from "../../src/core/time.ts";
import { connectPostgres } from "../../src/db/connect.ts";
import { mine } from "../../src/db/mine.ts";
import { cloneDatabase, onPostgres } from "../support/database.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const challenge = 'Bearer realm="Wassla API"';
const refusal = (reason: string) => ({ status: 401, body: { code: "unauthorized", title: "Unauthorized", status: 401, reason } });

const setKey = ({ ctx }: Tenant, id: Id<"key">, changes: Partial<typeof api_keys.$inferInsert>) =>
  ctx.db
    .update(api_keys)
    .set(changes)
    .where(and(mine(ctx, api_keys), eq(api_keys.id, id)));

test("a request without a key is told where the key belongs, and nothing of an invalid one", async () => {
  const world = await createWorld();
  const answer = await world.request("/v1/me");
  expect(answer).toMatchObject(refusal("missing_token"));
  expect(answer.headers.get("www-authenticate")).toBe(challenge);
  expect(answer.body["detail"]).toContain("Authorization: Bearer");
});

test.each([
  ["another scheme", (key: string) => `Basic ${Buffer.from(key).toString("base64")}`],
  ["the bare key", (key: string) => key],
  ["no space behind the scheme", (key: string) => `Bearer${key}`],
  ["a colon behind the scheme", (key: string) => `Bearer: ${key}`],
  ["two tokens", (key: string) => `Bearer ${key} ${key}`],
  ["two schemes", (key: string) => `Bearer ${key}, Bearer ${key}`],
  ["quotes around it", (key: string) => `Bearer "${key}"`],
  ["nothing at all", () => ""],
  ["the scheme alone", () => "Bearer"],
  ["somebody else's token", () => "Bearer sk_live_4eC39HqLyjWDarjtT1zdp7dc"],
  ["a key whose last character is missing", (key: string) => `Bearer ${key.slice(0, -1)}`],
  ["a key in capitals", (key: string) => `Bearer ${key.toUpperCase()}`],
])("%s is a malformed token", async (_, header) => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const answer = await world.request("/v1/me", { headers: { Authorization: header(tenant.api_key) } });
  expect(answer).toMatchObject(refusal("malformed_token"));
  expect(answer.headers.get("www-authenticate")).toBe(`${challenge}, error="invalid_token"`);
});

test.each(["Bearer", "bearer", "BEARER"])("the scheme %s is the same as any other way to write it", async (scheme) => {
  const world = await createWorld();
  const tenant = await world.tenant();
  for (const spaces of [" ", "   "]) {
    expect((await world.request("/v1/me", { headers: { Authorization: scheme + spaces + tenant.api_key } })).status).toBe(200);
  }
});

test.each([
  ["the query, as api_key", (key: string) => [`?api_key=${key}`, {}] as const],
  ["the query, as access_token", (key: string) => [`?access_token=${key}`, {}] as const],
  ["the query, as token", (key: string) => [`?token=${key}`, {}] as const],
  ["the header X-Api-Key", (key: string) => ["", { "X-Api-Key": key }] as const],
])("a key in %s is refused with a message that says so", async (_, where) => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const [search, headers] = where(tenant.api_key);
  const answer = await world.request(`/v1/me${search}`, { headers });
  expect(answer).toMatchObject(refusal("missing_token"));
  expect(answer.body["detail"]).toContain("and nowhere else");
  expect(JSON.stringify(answer.body)).not.toContain(tenant.api_key);
});

test("a key in the query beside a good header is an unknown parameter", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const answer = await tenant.get(`/v1/me?access_token=${tenant.api_key}`);
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: "/access_token", code: "unknown_field" }] } });
});

test("a well-formed key that nobody has is unknown", async () => {
  const world = await createWorld();
  const answer = await world.request("/v1/me", { key: mintToken() });
  expect(answer).toMatchObject(refusal("unknown_token"));
  expect(answer.headers.get("www-authenticate")).toBe(`${challenge}, error="invalid_token"`);
  expect(answer.headers.get("ratelimit")).toBeNull();
});

test("a key is revoked for the very next request", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id, token } = await tenant.mint();
  expect((await world.request("/v1/me", { key: token })).status).toBe(200);
  await setKey(tenant, id, { revoked_at: world.now() });
  expect(await world.request("/v1/me", { key: token })).toMatchObject(refusal("revoked_token"));
  expect((await tenant.get("/v1/me")).status, "the tenant's other keys go on").toBe(200);
});

test("a key that was revoked by one process is refused by another", async () => {
  const template = inject("template");
  const url = template.kind === "postgres" ? await cloneDatabase(template) : undefined;
  const open = async () => {
    if (url === undefined) return createWorld();
    const connection = connectPostgres(url);
    onTestFinished(() => connection.close());
    return createWorld({ db: connection.db });
  };
  const [here, there] = [await open(), await open()];
  const tenant = await here.tenant();
  const { id, token } = await tenant.mint();
  for (let n = 0; n < 3; n++) expect((await there.request("/v1/me", { key: token })).status).toBe(200);
  await setKey(tenant, id, { revoked_at: here.now() });
  expect(await there.request("/v1/me", { key: token })).toMatchObject(refusal("revoked_token"));
  await setKey(tenant, id, { revoked_at: null });
  expect((await there.request("/v1/me", { key: token })).status).toBe(200);
  expect(onPostgres()).toBe(url !== undefined);
});

test("a key expires at its instant, by the application's clock", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { token } = await tenant.mint({ expires_at: after(world.now(), minutes(10)) });
  world.advance(minutes(9));
  expect((await world.request("/v1/me", { key: token })).status).toBe(200);
  world.advance(minutes(1));
  const answer = await world.request("/v1/me", { key: token });
  expect(answer).toMatchObject(refusal("expired_token"));
  expect(answer.headers.get("www-authenticate")).toBe(`${challenge}, error="invalid_token"`);
});

test("a key that is both revoked and expired is revoked", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id, token } = await tenant.mint({ expires_at: after(world.now(), -minutes(1)) });
  expect(await world.request("/v1/me", { key: token })).toMatchObject(refusal("expired_token"));
  await setKey(tenant, id, { revoked_at: world.now() });
  expect(await world.request("/v1/me", { key: token })).toMatchObject(refusal("revoked_token"));
});

test("a digest that lost its key opens nothing", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id, token } = await tenant.mint();
  await tenant.ctx.db.delete(api_key_digests).where(and(mine(tenant.ctx, api_key_digests), eq(api_key_digests.api_key_id, id)));
  expect(await world.request("/v1/me", { key: token })).toMatchObject(refusal("unknown_token"));
});

test("the key says who it is, and for which workspace", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const expires_at = after(world.now(), minutes(10));
  const { id, token } = await tenant.mint({ scopes: ["write"], rate_limit_per_minute: 7, expires_at });
  const { body } = await world.request("/v1/me", { key: token });
  expect(body).toEqual({
    object: "me",
    workspace: { id: tenant.workspace_id, name: "Test" },
    api_key: {
      id,
      object: "api_key",
      status: "active",
      last_used_at: null,
      revoked_at: null,
      created_by: { type: "system", id: null, name: "Wassla" },
      name: "Another key",
      prefix: token.slice(9, 17),
      scopes: ["write"],
      rate_limit_per_minute: 7,
      expires_at,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    },
  });
});

describe("whoever has no key learns nothing: 401 comes before", () => {
  test.each([
    ["a path that is not there", "GET", "/v1/nothing", {}],
    ["a method that is not there", "PUT", "/v1/me", {}],
    ["an OPTIONS request", "OPTIONS", "/v1/me", { Origin: "https://example.com" }],
    ["a wrong content type", "POST", "/v1/webhook_secret/rotate", { "Content-Type": "text/plain" }],
    ["a malformed body", "POST", "/v1/webhook_secret/rotate", { "Content-Type": "application/json" }],
    ["a malformed id", "GET", "/v1/conversations/7", {}],
    ["a bad query", "GET", "/v1/conversations?limit=x", {}],
    ["a procedure that is not there", "GET", "/trpc/nothing", {}],
    ["a batch that is too large", "GET", `/trpc/${"me.get,".repeat(30)}me.get?batch=1`, {}],
  ])("%s", async (_, method, path, headers) => {
    const { app } = await createWorld();
    const response = await app.request(path, { method, headers, ...(method === "POST" && { body: "{" }) });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe(challenge);
    expect(response.headers.get("allow")).toBeNull();
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    for (const name of response.headers.keys()) expect(name).not.toMatch(/^access-control|ratelimit/);
  });
});

test("a 401 is a problem with the request's id and is kept by no cache", async () => {
  const world = await createWorld();
  const answer = await world.request("/v1/me");
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.body).toEqual({
    type: "https://api.wassla.test/docs/errors/unauthorized",
    title: "Unauthorized",
    status: 401,
    code: "unauthorized",
    detail: expect.any(String) as string,
    instance: "/v1/me",
    request_id: answer.headers.get("x-request-id"),
    reason: "missing_token",
  });
});
