import fc from "fast-check";
import { expect, test } from "vitest";
import { createWorld } from "../support/world.ts";

const list = "/v1/conversations";

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  return { world, tenant, get: (path: string, ask = {}) => tenant.get(path, ask) };
}

test.each([
  ["?", "an empty query"],
  ["?&&", "empty pairs"],
  ["?limit=5", "a number"],
  ["?limit=%35", "an encoded number"],
  ["?limit=5.0", "five, as JSON would have it too"],
  ["?status=open&status=pending", "an array by repetition"],
  ["?status=open", "an array of one"],
  ["?%73tatus=open", "an encoded name"],
  ["?last_message_after=2026-01-01T00:00:00%2B02:00", "an encoded plus"],
])("%s is taken: %s", async (query) => {
  const { world, get } = await setUp();
  expect(await get(list + query)).toMatchObject({ status: 200 });
  expect(world.logged).toEqual([]);
});

test.each([
  ["?limit=07", "/limit", "invalid_type"],
  ["?limit=1e1", "/limit", "invalid_type"],
  ["?limit=0x10", "/limit", "invalid_type"],
  ["?limit=%205", "/limit", "invalid_type"],
  ["?limit=5,0", "/limit", "invalid_type"],
  ["?limit=", "/limit", "invalid_type"],
  ["?limit", "/limit", "invalid_type"],
  ["?limit=NaN", "/limit", "invalid_type"],
  ["?limit=Infinity", "/limit", "invalid_type"],
  ["?limit=9999999999999999999999", "/limit", "invalid_type"],
  ["?limit=5.5", "/limit", "invalid_type"],
  ["?limit=0", "/limit", "too_small"],
  ["?limit=-0", "/limit", "too_small"],
  ["?limit=-1", "/limit", "too_small"],
  ["?limit=101", "/limit", "too_large"],
  ["?limit=1&limit=2", "/limit", "invalid_type"],
  ["?limit=1&limit=1", "/limit", "invalid_type"],
  ["?limit[]=1", "/limit[]", "unknown_field"],
  ["?handler_mode=ai&handler_mode=human", "/handler_mode", "not_allowed"],
  ["?handler_mode=", "/handler_mode", "not_allowed"],
  ["?handler_mode=AI", "/handler_mode", "not_allowed"],
  ["?status[]=open", "/status[]", "unknown_field"],
  ["?status[0]=open", "/status[0]", "unknown_field"],
  ["?status=open,pending", "/status/0", "not_allowed"],
  ["?status=open&status=nonsense", "/status/1", "not_allowed"],
  ["?status=", "/status/0", "not_allowed"],
  ["?Limit=5", "/Limit", "unknown_field"],
  ["?surprise=1", "/surprise", "unknown_field"],
  ["?constructor=1", "/constructor", "unknown_field"],
  ["?toString=1", "/toString", "unknown_field"],
  ["?hasOwnProperty=1", "/hasOwnProperty", "unknown_field"],
  ["?__proto__=1", "/__proto__", "unknown_field"],
  ["?__proto__[limit]=1", "/__proto__[limit]", "unknown_field"],
  ["?a~b/c=1", "/a~0b~1c", "unknown_field"],
  ["?=1", "/", "unknown_field"],
  ["?last_message_after=2026-01-01T00:00:00+02:00", "/last_message_after", "invalid_timestamp"],
  ["?last_message_after=2026-02-31T00:00:00Z", "/last_message_after", "invalid_timestamp"],
  ["?channel_id=7", "/channel_id", "no_such_resource"],
  ["?cursor=%00", "/cursor", "invalid_characters"],
  ["?%00=1", "", "invalid_characters"],
  ["?limit=%zz", "", "invalid_encoding"],
  ["?%zz=1", "", "invalid_encoding"],
  ["?limit=%", "", "invalid_encoding"],
  ["?cursor=%C0%AF", "", "invalid_encoding"],
  ["?cursor=%ED%A0%80", "", "invalid_encoding"],
])("%s is a fault at %s: %s", async (query, pointer, code) => {
  const { world, get } = await setUp();
  const answer = await get(list + query);
  expect(answer).toMatchObject({ status: 400, body: { code: "validation_failed", instance: list } });
  expect((answer.body["errors"] as { pointer: string; code: string }[])[0]).toMatchObject({ pointer, code });
  expect(world.logged).toEqual([]);
});

test("every fault is named at once", async () => {
  const { get } = await setUp();
  const { body } = await get(`${list}?limit=0&status=x&surprise=1&handler_mode=x`);
  const places = (body["errors"] as { pointer: string }[]).map(({ pointer }) => pointer);
  expect(places.toSorted()).toEqual(["/handler_mode", "/limit", "/status/0", "/surprise"]);
});

test("a pollution that was tried has polluted nothing", async () => {
  const { get } = await setUp();
  await get(`${list}?__proto__=1&__proto__=2&constructor=1`);
  await get(`${list}?__proto__[polluted]=1`);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  expect(Object.prototype.toString.call({})).toBe("[object Object]");
});

test("parameters of an operation with a body are refused by name", async () => {
  const { tenant } = await setUp();
  for (const [query, pointer] of [
    ["?surprise=1", "/surprise"],
    ["?grace_period_seconds=0", "/grace_period_seconds"],
    ["?__proto__=1", "/__proto__"],
    ["?a/b=1", "/a~1b"],
  ]) {
    const answer = await tenant.post(`/v1/webhook_secret/rotate${query}`);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer, code: "unknown_field" }] } });
  }
});

test("a path's id is read in the path and nowhere else", async () => {
  const { tenant } = await setUp();
  const { id } = await tenant.hears("Hello");
  const faults = { status: 400, body: { errors: [{ pointer: "/conversation_id", code: "unknown_field" }] } };
  expect(await tenant.get(`/v1/conversations/${id}?conversation_id=${id}`)).toMatchObject(faults);
  expect(await tenant.get(`/v1/conversations/${id}?%63onversation_id=${id}`)).toMatchObject(faults);
  expect(await tenant.post(`/v1/conversations/${id}/close?conversation_id=${id}`)).toMatchObject(faults);
  expect(await tenant.post(`/v1/conversations/${id}/close`, { conversation_id: id })).toMatchObject(faults);
  expect(await tenant.post(`/v1/conversations/${id}/close`)).toMatchObject({ status: 200 });
});

test("an id may be percent-encoded like any other path", async () => {
  const { tenant } = await setUp();
  const { id } = await tenant.hears("Hello");
  expect(await tenant.get(`/v1/conversations/%63${id.slice(1)}`)).toMatchObject({ status: 200, body: { id } });
});

test.each([
  ["%zz", 404],
  ["%", 404],
  ["%C0%AF", 404],
  ["%ED%A0%80", 404],
  ["..%2F..%2Fme", 404],
  ["conv_%2500", 404],
  ["__proto__", 404],
  ["CONV_01M7X0Q4W6E8R9T2Y3V5N7B1C4", 404],
  ["%00", 400],
  ["conv_01m7x0q4w6e8r9t2y3v5n7b1c4%00", 400],
])("a path that ends in %s is answered with %d", async (segment, status) => {
  const { world, get } = await setUp();
  expect(await get(`/v1/conversations/${segment}`)).toMatchObject({ status, body: { instance: "/v1/conversations/{conversation_id}" } });
  expect(world.logged).toEqual([]);
});

test.each([
  "/v1/me/",
  "/v1//me",
  "/v1/me//",
  "/v1/Me",
  "/v1",
  "/v1/",
  "/v1/conversations/",
  "/v1/me/x",
  "/v1/%2Fme",
  "/v1/me%2F",
  "/v1/me%3Flimit=1",
])("%s is another path, and there is nothing", async (path) => {
  const { world, get } = await setUp();
  const answer = await get(path);
  expect(answer, "and what is no route is not echoed").toMatchObject({ status: 404, body: { code: "not_found", instance: "/v1" } });
  expect(world.logged).toEqual([]);
});

test("HEAD answers like GET, without the body", async () => {
  const { tenant, world } = await setUp();
  const response = await world.app.request("/v1/me", { method: "HEAD", headers: { Authorization: `Bearer ${tenant.api_key}` } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(response.headers.get("ratelimit")).toContain('"key"');
  expect(await response.text()).toBe("");
});

test.each([
  ["OPTIONS", "/v1/me", "GET, HEAD"],
  ["PUT", "/v1/me", "GET, HEAD"],
  ["DELETE", "/v1/conversations", "GET, HEAD"],
  ["GET", "/v1/webhook_secret/rotate", "POST"],
  ["HEAD", "/v1/webhook_secret/rotate", "POST"],
  ["GET", "/v1/templates/sync", "POST"],
  ["HEAD", "/v1/templates/sync", "POST"],
  ["OPTIONS", "/v1/webhook_endpoints", "GET, HEAD, POST"],
  ["PROPFIND", "/v1/webhook_endpoints", "GET, HEAD, POST"],
  ["NONSENSE", "/v1/me", "GET, HEAD"],
])("%s %s is 405, and allowed is %s", async (method, path, allow) => {
  const { world, tenant } = await setUp();
  const response = await world.app.request(path, { method, headers: { Authorization: `Bearer ${tenant.api_key}` } });
  expect(response.status).toBe(405);
  expect(response.headers.get("allow")!.split(", ")).toEqual(expect.arrayContaining(allow.split(", ")));
  expect(response.headers.get("allow")!.split(", ")).not.toContain(method);
  expect(world.logged).toEqual([]);
});

test("whatever stands in a query, the answer is a 200 or a 400, and nothing is logged", async () => {
  const { world, tenant } = await setUp();
  const { token } = await tenant.mint({ rate_limit_per_minute: 10_000 });
  const name = fc.oneof(
    fc.constantFrom("limit", "cursor", "status", "channel_id", "last_message_after", "__proto__", "constructor"),
    fc.string({ unit: "binary" }),
  );
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.integer().map(String),
    fc.double().map(String),
    fc.constantFrom("open", "true", "null", "\0", "%"),
  );
  const encode = (text: string) =>
    fc.oneof(fc.constant(encodeURIComponent(text.toWellFormed())), fc.constant(text.replaceAll(/[#\s]/g, "")));
  const pair = fc.tuple(name.chain(encode), value.chain(encode)).map(([a, b]) => `${a}=${b}`);
  await fc.assert(
    fc.asyncProperty(fc.array(pair, { maxLength: 5 }), async (pairs) => {
      const response = await world.app.request(`${list}?${pairs.join("&")}`, { headers: { Authorization: `Bearer ${token}` } });
      expect([200, 400]).toContain(response.status);
    }),
    { numRuns: 100 },
  );
  expect(world.logged).toEqual([]);
});
