import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createWorld } from "../support/world.ts";

const rotate = "/v1/webhook_secret/rotate";
const json = "application/json";
const mebibyte = 1024 * 1024;

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { token } = await tenant.mint({ rate_limit_per_minute: 10_000 });
  return {
    world,
    tenant,
    post: async (
      body: RequestInit["body"] | undefined,
      { path = rotate, type = json as string | null, headers = {} as Record<string, string> } = {},
    ) => {
      const response = await world.app.request(path, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, ...(type !== null && { "Content-Type": type }), ...headers },
        ...(body !== undefined && { body, duplex: "half" }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Record<string, unknown> };
    },
  };
}

const latin1 = (text: string) => Buffer.from(text, "latin1");
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le");
const deep = (levels: number) => `{"grace_period_seconds":${"[".repeat(levels)}${"]".repeat(levels)}}`;

test.each<[string, RequestInit["body"] | undefined]>([
  ["nothing at all", undefined],
  ["an empty text", ""],
  ["an empty object", "{}"],
  ["white space around it", " \r\n\t{} \n"],
  ["a byte order mark before it", "\ufeff{}"],
  ["a field given twice: the last one counts", '{"grace_period_seconds":-1,"grace_period_seconds":60}'],
  ["an integer with a fraction of zero", '{"grace_period_seconds":60.0}'],
  ["an integer with an exponent", '{"grace_period_seconds":6e1}'],
])("a body of %s is taken where every input is optional", async (_, body) => {
  const { world, post } = await setUp();
  expect((await post(body)).status).toBe(200);
  expect(world.logged).toEqual([]);
});

test("what is sent twice counts as it was sent last", async () => {
  const { tenant, world } = await setUp();
  const { body } = await tenant.post<{ previous: { expires_at: string }[] }>(
    rotate,
    '{"grace_period_seconds":0,"grace_period_seconds":3600}',
  );
  expect(body.previous[0]!.expires_at > world.now()).toBe(true);
});

test.each<[string, RequestInit["body"]]>([
  ["null", "null"],
  ["an array", "[]"],
  ["a string", '"x"'],
  ["a number", "7"],
  ["a boolean", "true"],
  ["white space alone", "  \n"],
  ["a byte order mark alone", "\ufeff"],
  ["two byte order marks", "\ufeff\ufeff{}"],
  ["half an object", '{"grace_period_seconds":'],
  ["two objects", "{}{}"],
  ["something behind it", "{} x"],
  ["a trailing comma", '{"grace_period_seconds":1,}'],
  ["a comment", "{/* none */}"],
  ["single quotes", "{'grace_period_seconds':1}"],
  ["names without quotes", "{grace_period_seconds:1}"],
  ["NaN", '{"grace_period_seconds":NaN}'],
  ["a number with a leading zero", '{"grace_period_seconds":01}'],
  ["a hexadecimal number", '{"grace_period_seconds":0x1}'],
  ["a line break in a string", '{"a":"\n"}'],
  ["a raw null byte", '{"a":"\0"}'],
  ["bytes that are no UTF-8", latin1('{"a":"\xe9"}')],
  ["an overlong encoding", Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
  ["an encoded surrogate", Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
  ["UTF-16", utf16("{}")],
  ["a form", "grace_period_seconds=1"],
  ["XML", "<a/>"],
  ["100,000 brackets that nobody closes", "[".repeat(100_000)],
])("a body of %s is no JSON object", async (_, body) => {
  const { world, post } = await setUp();
  const answer = await post(body);
  expect(answer).toMatchObject({ status: 400, body: { code: "malformed_json", instance: rotate } });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(world.logged).toEqual([]);
});

test.each([
  ["an unknown field", '{"surprise":1}', "/surprise", "unknown_field"],
  ["a field called __proto__", '{"__proto__":1}', "/__proto__", "unknown_field"],
  ["a field called constructor", '{"constructor":1}', "/constructor", "unknown_field"],
  ["a field called hasOwnProperty", '{"hasOwnProperty":1}', "/hasOwnProperty", "unknown_field"],
  ["a name that a pointer must escape", '{"a/b~c":1}', "/a~1b~0c", "unknown_field"],
  ["no name", '{"":1}', "/", "unknown_field"],
  ["text for a number", '{"grace_period_seconds":"60"}', "/grace_period_seconds", "invalid_type"],
  ["null for a number", '{"grace_period_seconds":null}', "/grace_period_seconds", "invalid_type"],
  ["true for a number", '{"grace_period_seconds":true}', "/grace_period_seconds", "invalid_type"],
  ["a fraction for an integer", '{"grace_period_seconds":0.5}', "/grace_period_seconds", "invalid_type"],
  ["a number beyond all numbers", '{"grace_period_seconds":1e400}', "/grace_period_seconds", "invalid_type"],
  ["a number of 10,000 digits", `{"grace_period_seconds":${"9".repeat(10_000)}}`, "/grace_period_seconds", "invalid_type"],
  ["a number that is too large", '{"grace_period_seconds":604801}', "/grace_period_seconds", "too_large"],
  ["a number that is too small", '{"grace_period_seconds":-1}', "/grace_period_seconds", "too_small"],
  ["a null character in a value", '{"a":"\\u0000"}', "/a", "invalid_characters"],
  ["a null character in a name", '{"a\\u0000":1}', "", "invalid_characters"],
  ["half a surrogate pair in a value", '{"a":{"b":["x","\\ud800"]}}', "/a/b/1", "invalid_characters"],
  ["half a surrogate pair in a name", '{"a":{"\\udfff":1}}', "/a", "invalid_characters"],
  ["33 levels", deep(33), `/grace_period_seconds${"/0".repeat(31)}`, "too_deep"],
  ["100,000 levels", deep(100_000), `/grace_period_seconds${"/0".repeat(31)}`, "too_deep"],
])("%s in a body is a fault with its place", async (_, body, pointer, code) => {
  const { world, post } = await setUp();
  const answer = await post(body);
  expect(answer).toMatchObject({ status: 400, body: { code: "validation_failed", errors: [{ pointer, code }] } });
  expect(world.logged).toEqual([]);
});

test("an emoji is no half of anything", async () => {
  const { tenant } = await setUp();
  const { id } = await tenant.hears("Hello");
  const answer = await tenant.post(`/v1/conversations/${id}/messages`, {
    content: { type: "text", text: "👍🏽 \ud83d\ude00" },
    metadata: { "🗝": "😀" },
  });
  expect(answer).toMatchObject({ status: 201, body: { content: { text: "👍🏽 😀" }, metadata: { "🗝": "😀" } } });
});

test("a name that objects keep for themselves is refused also where names are free", async () => {
  const { tenant } = await setUp();
  const { id } = await tenant.hears("Hello");
  const send = (metadata: string) =>
    tenant.post(`/v1/conversations/${id}/messages`, `{"content":{"type":"text","text":"x"},"metadata":${metadata}}`);
  expect(await send('{"__proto__":"x"}')).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: "/metadata/__proto__", code: "unknown_field" }] },
  });
  expect(await send('{"constructor":"x","toString":"y"}')).toMatchObject({
    status: 201,
    body: { metadata: { constructor: "x", toString: "y" } },
  });
});

test.each([
  [json],
  ["Application/JSON"],
  ["application/json; charset=utf-8"],
  ["application/json;charset=UTF-8"],
  ['application/json; charset="utf-8"'],
  ["application/json; foo=bar"],
])("the content type %s is JSON", async (type) => {
  const { post } = await setUp();
  expect((await post("{}", { type })).status).toBe(200);
});

test.each([
  ["text/plain"],
  ["text/json"],
  ["application/x-www-form-urlencoded"],
  ["multipart/form-data; boundary=x"],
  ["application/json; charset=utf-16"],
  ["application/json; charset=iso-8859-1"],
  ["application/problem+json"],
  ["application/jsonx"],
  ["application/jso"],
  ["application/octet-stream"],
  ["text/plain, application/json"],
  ["*/*"],
  [""],
])("the content type %j is not", async (type) => {
  const { world, post } = await setUp();
  expect(await post("{}", { type })).toMatchObject({ status: 415, body: { code: "unsupported_media_type" } });
  expect(world.logged).toEqual([]);
});

test("a body without a content type is refused; without a body no content type is asked for", async () => {
  const { post } = await setUp();
  expect(await post(Buffer.from("{}"), { type: null })).toMatchObject({ status: 415 });
  expect(await post(undefined, { type: null })).toMatchObject({ status: 200 });
  expect(await post(undefined, { type: "text/plain" })).toMatchObject({ status: 200 });
});

test("a form is refused, however it is sent", async () => {
  const { post } = await setUp();
  const form = new FormData();
  form.set("grace_period_seconds", "1");
  expect((await post(form, { type: null })).status).toBe(415);
  expect((await post(new URLSearchParams({ grace_period_seconds: "1" }), { type: null })).status).toBe(415);
});

test.each(["gzip", "deflate", "br", "nonsense"])("a body in the coding %s is not unpacked", async (coding) => {
  const { post } = await setUp();
  expect(await post(gzipSync("{}"), { headers: { "Content-Encoding": coding } })).toMatchObject({
    status: 415,
    body: { code: "unsupported_media_type" },
  });
});

test("the coding identity is none", async () => {
  const { post } = await setUp();
  expect((await post("{}", { headers: { "Content-Encoding": "identity" } })).status).toBe(200);
});

test("a body of exactly 1 MiB is read, one byte more is not", async () => {
  const { world, post } = await setUp();
  expect((await post(`{}${" ".repeat(mebibyte - 2)}`)).status).toBe(200);
  expect(await post(`{}${" ".repeat(mebibyte - 1)}`)).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
  expect(world.logged).toEqual([]);
});

test("the faults of a body that is nothing but faults are not answered in full: the answer stays smaller than the question", async () => {
  const { post } = await setUp();
  const names = Array.from({ length: 70_000 }, (_, n) => `"k${n}":0`);
  const answer = await post(`{${names.join()}}`, { path: "/v1/webhook_endpoints" });
  expect(answer.status).toBe(400);
  expect(answer.body["errors"]).toHaveLength(100);
  expect(answer.text.length).toBeLessThan(50_000);
});

test("a body as wide as it may be is judged in a blink", async () => {
  const { post } = await setUp();
  const started = performance.now();
  const answer = await post(`{"url":"https://example.com","event_types":[${Array(500_000).fill("0").join()}]}`, {
    path: "/v1/webhook_endpoints",
  });
  expect(answer).toMatchObject({ status: 400, body: { code: "validation_failed" } });
  expect(performance.now() - started).toBeLessThan(3000);
});

test("a DELETE has no field that a body could name: one that does is refused, and nothing is deleted", async () => {
  const { tenant } = await setUp();
  const endpoint = await tenant.endpoint("http://127.0.0.1:9/hook");
  const remove = (body: object) => tenant.get(`/v1/webhook_endpoints/${endpoint.id}`, { method: "DELETE", body });
  expect(await remove({ surprise: 1 })).toMatchObject({ status: 400, body: { errors: [{ pointer: "/surprise", code: "unknown_field" }] } });
  expect((await tenant.get(`/v1/webhook_endpoints/${endpoint.id}`)).status).toBe(200);
  expect((await remove({})).status).toBe(200);
});

test("whatever JSON is posted, the answer is a 2xx or a 4xx, and nothing is logged", async () => {
  const { world, post } = await setUp();
  const anything = fc.oneof(
    fc.json(),
    fc
      .dictionary(fc.constantFrom("url", "event_types", "name", "enabled", "channels", "x"), fc.jsonValue())
      .map((value) => JSON.stringify(value)),
    fc.string({ unit: "binary" }),
  );
  await fc.assert(
    fc.asyncProperty(anything, async (body) => {
      const { status } = await post(body, { path: "/v1/webhook_endpoints" });
      expect([201, 400, 422]).toContain(status);
    }),
    { numRuns: 200 },
  );
  expect(world.logged).toEqual([]);
});
