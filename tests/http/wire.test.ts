import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { openServer } from "../../src/http/open-server.ts";
import { createReceiver } from "../support/receiver.ts";
import { deliveriesOf, leaveDeliveries } from "../support/webhooks.ts";
import { createWorld, cron_secret } from "../support/world.ts";
import { exchange, listen } from "../support/wire.ts";

const mebibyte = 1024 * 1024;

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { port } = await listen(world);
  const key = `Authorization: Bearer ${tenant.api_key}\r\n`;
  const head = (line: string, ...headers: string[]) =>
    `${line}\r\nHost: 127.0.0.1\r\n${key}${headers.map((header) => `${header}\r\n`).join("")}\r\n`;
  return {
    world,
    tenant,
    port,
    head,
    get: (path: string) => exchange(port, head(`GET ${path} HTTP/1.1`)),
    post: (headers: string[], ...body: (string | Buffer)[]) =>
      exchange(port, [head("POST /v1/webhook_secret/rotate HTTP/1.1", "Content-Type: application/json", ...headers), ...body]),
  };
}

test("the wire carries what the service answers", async () => {
  const { world, get } = await setUp();
  const [answer] = await get("/v1/me");
  expect(answer).toMatchObject({ status: 200 });
  expect(JSON.parse(answer!.body)).toMatchObject({ object: "me" });
  expect(answer!.headers.get("x-request-id")).toMatch(/^req_/);
  expect(answer!.headers.get("ratelimit")).toContain('"tenant"');
  expect(world.logged).toEqual([]);
});

test("three requests in one packet are answered three times, in order", async () => {
  const { world, port, head } = await setUp();
  const answers = await exchange(
    port,
    head("GET /v1/me HTTP/1.1") +
      head("POST /v1/webhook_secret/rotate HTTP/1.1", "Content-Type: application/json", "Content-Length: 2").concat("{}") +
      head("GET /v1/nothing HTTP/1.1"),
    { answers: 3 },
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 404]);
  expect(new Set(answers.map(({ headers }) => headers.get("x-request-id"))).size).toBe(3);
  expect(world.logged).toEqual([]);
});

test("a refused request leaves the connection fit for the next one", async () => {
  const { port, head } = await setUp();
  const bad = "x".repeat(300);
  const answers = await exchange(
    port,
    head("POST /v1/webhook_secret/rotate HTTP/1.1", "Content-Type: text/plain", `Content-Length: ${bad.length}`) +
      bad +
      head("PUT /v1/me HTTP/1.1", "Content-Length: 5") +
      "12345" +
      head("GET /v1/me HTTP/1.1"),
    { answers: 3 },
  );
  expect(answers.map(({ status }) => status)).toEqual([415, 405, 200]);
});

test("a request that is not authenticated is refused although its body is still on its way", async () => {
  const { world, port } = await setUp();
  const [answer] = await exchange(
    port,
    "POST /v1/webhook_secret/rotate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
  );
  expect(answer).toMatchObject({ status: 401 });
  expect(world.logged).toEqual([]);
});

test("a body of exactly 1 MiB is read, with a length and in chunks", async () => {
  const { world, post } = await setUp();
  const body = `{}${" ".repeat(mebibyte - 2)}`;
  expect(await post([`Content-Length: ${mebibyte}`], body)).toMatchObject([{ status: 200 }]);
  expect(await post(["Transfer-Encoding: chunked"], `${mebibyte.toString(16)}\r\n${body}\r\n0\r\n\r\n`)).toMatchObject([{ status: 200 }]);
  expect(world.logged).toEqual([]);
});

test("a body that is one byte too long is refused, with a length and in chunks", async () => {
  const { world, post } = await setUp();
  const body = `{}${" ".repeat(mebibyte - 1)}`;
  for (const answers of [
    await post([`Content-Length: ${mebibyte + 1}`], body),
    await post(["Transfer-Encoding: chunked"], `${(mebibyte + 1).toString(16)}\r\n${body}\r\n0\r\n\r\n`),
  ]) {
    expect(answers).toMatchObject([{ status: 413 }]);
    expect(JSON.parse(answers[0]!.body)).toMatchObject({ code: "payload_too_large" });
  }
  expect(world.logged).toEqual([]);
});

test("a body that is announced too long is refused before it is sent", async () => {
  const { post } = await setUp();
  expect(await post(["Content-Length: 99999999999"], "{")).toMatchObject([{ status: 413 }]);
});

test("a body in many small chunks is one body", async () => {
  const { post } = await setUp();
  const chunks = Array.from('{"grace_period_seconds":60}', (byte) => `1\r\n${byte}\r\n`);
  expect(await post(["Transfer-Encoding: chunked"], ...chunks, "0\r\n\r\n")).toMatchObject([{ status: 200 }]);
});

test("a client that waits to be asked for its body is asked", async () => {
  const { port, head } = await setUp();
  const [go_on, answer] = await exchange(
    port,
    [head("POST /v1/webhook_secret/rotate HTTP/1.1", "Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue"), "{}"],
    { answers: 2 },
  );
  expect([go_on?.status, answer?.status]).toEqual([100, 200]);
});

test.each([
  ["with a length", ["Content-Length: 1000"], '{"grace_period'],
  ["in chunks", ["Transfer-Encoding: chunked"], "5\r\n{"],
  ["in chunks, between two of them", ["Transfer-Encoding: chunked"], "1\r\n{\r\n"],
])("a body that breaks off, %s, changes nothing and is nobody's error", async (_, headers, part) => {
  const { world, tenant, port, head } = await setUp();
  const { body: before } = await tenant.get("/v1/webhook_secret");
  const consoles = [vi.spyOn(console, "error"), vi.spyOn(console, "info")];
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(head("POST /v1/webhook_secret/rotate HTTP/1.1", "Content-Type: application/json", ...headers) + part);
  await new Promise((resolve) => setTimeout(resolve, 150));
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect((await tenant.get("/v1/webhook_secret")).body).toEqual(before);
  expect(world.logged).toEqual([]);
  for (const each of consoles) {
    expect(each).not.toHaveBeenCalled();
    each.mockRestore();
  }
});

test.each([
  ["with a length", "Content-Length: 1000", '{"from'],
  ["in chunks", "Transfer-Encoding: chunked", "5\r\n{"],
])("a provider's callback that breaks off, %s, is nobody's error", async (_, header, part) => {
  const { world, tenant, port, head } = await setUp();
  const socket = connect({ port, host: "127.0.0.1" });
  const path = `/hooks/sandbox/${tenant.channel_id}`;
  socket.write(head(`POST ${path} HTTP/1.1`, "Content-Type: application/json", `X-Sandbox-Token: ${tenant.sandbox_token}`, header) + part);
  await new Promise((resolve) => setTimeout(resolve, 150));
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(world.logged).toEqual([]);
});

test.each([
  ["a client that ends its side early", ["Content-Length: 1000"], '{"grace_period'],
  ["a chunk whose length is none", ["Transfer-Encoding: chunked"], "zz\r\n{}\r\n0\r\n\r\n"],
])("%s gets a 400 or a closed connection, and never a 5xx", async (_, headers, part) => {
  const { world, port, head } = await setUp();
  const answers = await exchange(
    port,
    [head("POST /v1/webhook_secret/rotate HTTP/1.1", "Content-Type: application/json", ...headers), part],
    { then_end: true },
  );
  for (const { status } of answers) expect(status).toBe(400);
  expect(world.logged).toEqual([]);
});

test.each([
  ["a length and chunks together", ["Content-Length: 2", "Transfer-Encoding: chunked"]],
  ["two lengths", ["Content-Length: 2", "Content-Length: 3"]],
  ["a length that is no number", ["Content-Length: two"]],
  ["a negative length", ["Content-Length: -2"]],
  ["a transfer coding that nobody knows", ["Transfer-Encoding: nonsense"]],
  ["a space before the colon", ["X-Header : x"]],
  ["a null byte in a header", ["X-Header: a\0b"]],
  ["a folded header", ["X-Header: a\r\n b"]],
])("a request with %s, which two servers could read in two ways, is refused", async (_, headers) => {
  const { world, port, head } = await setUp();
  const [answer] = await exchange(port, [
    head("POST /v1/webhook_secret/rotate HTTP/1.1", "Content-Type: application/json", ...headers),
    "{}",
  ]);
  expect(answer).toMatchObject({ status: 400 });
  expect(world.logged).toEqual([]);
});

test("headers beyond 16 KiB are refused", async () => {
  const { world, port, head } = await setUp();
  expect(await exchange(port, head("GET /v1/me HTTP/1.1", `X-Header: ${"x".repeat(20_000)}`))).toMatchObject([{ status: 431 }]);
  expect(await exchange(port, head(`GET /v1/me?${"x".repeat(20_000)} HTTP/1.1`))).toMatchObject([{ status: 431 }]);
  expect(world.logged).toEqual([]);
});

test.each([
  ["TRACE", 405],
  ["PATCH", 405],
  ["PROPFIND", 405],
  ["M-SEARCH", 405],
  ["QUERY", 405],
  ["FOO", 400],
  ["get", 400],
])("the method %s is answered with %d", async (method, status) => {
  const { world, port, head } = await setUp();
  const [answer] = await exchange(port, head(`${method} /v1/me HTTP/1.1`));
  expect(answer).toMatchObject({ status });
  if (status === 405) expect(answer!.headers.get("allow")).toBe("GET, HEAD");
  expect(world.logged).toEqual([]);
});

test("an upgrade that is not offered is not taken", async () => {
  const { port, head } = await setUp();
  const answers = await exchange(
    port,
    head(
      "GET /v1/me HTTP/1.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
    ),
  );
  expect(answers).toMatchObject([{ status: 200 }]);
});

test("HEAD says what GET would say, and sends nothing of it", async () => {
  const { port } = await setUp();
  const [get, head] = [
    await fetch(`http://127.0.0.1:${port}/healthz`),
    await fetch(`http://127.0.0.1:${port}/healthz`, { method: "HEAD" }),
  ];
  expect(head.status).toBe(200);
  expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
  expect(await head.text()).toBe("");
  expect(await get.text()).not.toBe("");
});

test.each([
  ["//v1/me", 404],
  ["/./v1/me", 200],
  ["/docs/../v1/me", 200],
  ["/v1/../v1/me", 200],
  ["/%2e%2e/v1/me", 200],
  ["/v1/me#fragment", 200],
  ["/v1/m\\e", 400],
  ["/v1/me?x=\\", 400],
  ["http://elsewhere.example/v1/me", 200],
  ["*", 400],
  ["v1/me", 400],
  ["/v1/%zz", 404],
  ["/v1/conversations/%00", 400],
  ["/v1/conversations?limit=%zz", 400],
  ["/v1/conversations?%00", 400],
])("the target %s is answered with %d", async (target, status) => {
  const { world, get } = await setUp();
  expect(await get(target)).toMatchObject([{ status }]);
  expect(world.logged).toEqual([]);
});

test("bytes beyond ASCII in a target or a header are no reason to fail", async () => {
  const { world, port, head } = await setUp();
  const latin1 = (text: string) => [Buffer.from(text, "latin1")];
  for (const bytes of [
    head("GET /v1/conversations?cursor=\xe9\xff HTTP/1.1"),
    head("GET /v1/caf\xe9 HTTP/1.1"),
    head("GET /v1/me HTTP/1.1", "X-Header: caf\xe9"),
  ]) {
    const [answer] = await exchange(port, latin1(bytes));
    expect(answer!.status).toBeLessThan(500);
  }
  const [answer] = await exchange(port, latin1("GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wsk_live_\xe9\xe9\r\n\r\n"));
  expect(answer).toMatchObject({ status: 401 });
  expect(world.logged).toEqual([]);
});

test.each([
  ["none", ""],
  ["one with a path", "Host: x/y\r\n"],
  ["one with a user", "Host: user@x\r\n"],
  ["one with spaces", "Host: a b\r\n"],
])("a request whose host is %s is a 400", async (_, host) => {
  const { world, port } = await setUp();
  expect(await exchange(port, `GET /v1/me HTTP/1.1\r\n${host}\r\n`)).toMatchObject([{ status: 400 }]);
  expect(world.logged).toEqual([]);
});

test("what is no HTTP at all is a 400", async () => {
  const { world, port } = await setUp();
  expect(await exchange(port, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")).toMatchObject([{ status: 400 }]);
  expect(await exchange(port, "SSH-2.0-OpenSSH_9.9\r\n\r\n")).toMatchObject([{ status: 400 }]);
  expect(world.logged).toEqual([]);
});

test("a cron call whose caller hangs up goes on to its end: what was sent is recorded, and no lease is left", async () => {
  const { world, tenant, port } = await setUp();
  const held: ServerResponse[] = [];
  const receiver = await createReceiver((response) => held.push(response));
  await leaveDeliveries(tenant.ctx, (await tenant.endpoint(receiver.url)).id, 3);

  const caller = connect({ port, host: "127.0.0.1" });
  caller.write(`POST /cron/webhooks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${cron_secret}\r\nContent-Length: 0\r\n\r\n`);
  await expect.poll(() => held.length).toBe(3);
  caller.resetAndDestroy();
  for (const response of held) response.writeHead(204).end();
  await expect
    .poll(async () => (await deliveriesOf(tenant)).map(({ status, attempts }) => [status, attempts]))
    .toEqual([
      ["succeeded", 1],
      ["succeeded", 1],
      ["succeeded", 1],
    ]);
  expect(world.logged).toEqual([]);
});

test("a port that is taken is told with what to do", async () => {
  const { world, port } = await setUp();
  await expect(openServer(world.app, world.services, { port, host: "127.0.0.1" })).rejects.toThrow(/EADDRINUSE.* set PORT or HOST/);
});
