import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { minutes } from "../../src/core/time.ts";
import { listenTo } from "../support/event-streams.ts";
import { createWidget } from "../support/visitors.ts";
import { exchange, listen } from "../support/wire.ts";
import { createWorld } from "../support/world.ts";

const shortly = { head_ms: 10_000, request_ms: 10_000, idle_ms: 10_000, stall_ms: 300 };
const soon = { timeout: 10_000, interval: 20 };

/** A server of which is known how many requests it has begun and how many it works on. */
async function setUp(patience?: typeof shortly) {
  const world = await createWorld();
  const counted = { begun: 0, under_way: 0, most_under_way: 0 };
  const answer = world.app.fetch;
  world.app.fetch = async (...request) => {
    counted.begun += 1;
    counted.most_under_way = Math.max(counted.most_under_way, (counted.under_way += 1));
    return Promise.resolve(answer(...request)).finally(() => void (counted.under_way -= 1));
  };
  const { port, url } = await listen(world, patience);
  return { world, counted, port, url };
}

/** A client that asks and never reads. It learns that it was let go of by what it writes then. */
function deaf(port: number, bytes: string) {
  const socket = connect({ port, host: "127.0.0.1" });
  onTestFinished(() => void socket.destroy());
  socket.pause();
  const lost = once(socket, "error");
  socket.write(bytes);
  return { socket, lost: lost.catch(() => {}), poke: () => void socket.write(" ") };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("what a connection sends ahead is worked on one by one, and answered in order", async () => {
  const { counted, port } = await setUp();
  const answers = await exchange(port, Array.from({ length: 20 }, (_, n) => get(n % 2 ? "/healthz" : "/readyz")).join(""), { answers: 20 });
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(counted).toEqual({ begun: 20, under_way: 0, most_under_way: 1 });
});

test.each(["/openapi.json", "/docs"])("who asks for %s a thousand times in one packet is let go of, and costs one answer", async (path) => {
  const { counted, port } = await setUp();
  const { lost, poke } = deaf(port, get(path).repeat(1700));
  const poking = setInterval(poke, 20);
  await lost;
  clearInterval(poking);
  expect(counted.begun).toBeLessThanOrEqual(1);
});

test("who sends ahead and does not read is answered once, and then no more", async () => {
  const { counted, port } = await setUp();
  deaf(port, get("/openapi.json").repeat(40));
  await pause(500);
  expect(counted.begun, "as many as the system's buffers hold").toBeLessThan(15);
});

test("a client that takes nothing of its answer is let go of", async () => {
  const { port } = await setUp(shortly);
  const { lost, poke } = deaf(port, get("/openapi.json").repeat(40));
  // What is written here would be read as a sign of life; so it is written only when the time is over.
  await pause(1500);
  const poking = setInterval(poke, 20);
  await lost;
  clearInterval(poking);
});

test("a client that takes its answer slowly has all of it", async () => {
  const { port } = await setUp({ ...shortly, stall_ms: 500 });
  const socket = connect({ port, host: "127.0.0.1" });
  onTestFinished(() => void socket.destroy());
  let [taken, whole] = [0, 0];
  socket.write(get("/openapi.json").repeat(10));
  socket.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    whole ||= 10 * (Number(/content-length: (\d+)/i.exec(chunk.toString("latin1"))![1]) + chunk.indexOf("\r\n\r\n") + 4);
    socket.pause();
    setTimeout(() => socket.resume(), 10);
  });
  await vi.waitFor(() => expect(whole > 0 && taken >= whole - 100).toBe(true), { timeout: 30_000, interval: 20 });
});

test("a stream that has nothing to tell for longer than that goes on, and still tells what comes", async () => {
  const { world, url } = await setUp(shortly);
  const page = await (await createWidget(world, await world.tenant())).visit();
  await page.says("Hello?");
  const ear = await listenTo(url, page.token);
  await pause(1000);
  expect(ear.heard.is_over).toBe(false);
  await page.says("Anybody?");
  await vi.waitFor(() => expect(ear.texts()).toEqual(["Anybody?"]), soon);
});

test("the document and its page are asked for again for nothing while they are the same", async () => {
  const { app } = await createWorld();
  for (const path of ["/openapi.json", "/docs"]) {
    const first = await app.request(path);
    const etag = first.headers.get("etag")!;
    expect(first.headers.get("cache-control"), path).toBe("no-cache");
    expect(etag).toMatch(/^"[\w-]+"$/);
    const again = await app.request(path, { headers: { "If-None-Match": `W/${etag}` } });
    expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag]);
    expect((await app.request(path, { headers: { "If-None-Match": '"another"' } })).status).toBe(200);
  }
});

test("an address has as much of what is open to everybody as its limit says", async () => {
  const world = await createWorld({ ip_limit_per_minute: 3, trusted_proxies: ["127.0.0.1"] });
  const ask = (path: string, address: string) => world.request(path, { headers: { "X-Forwarded-For": address } });
  const textOf = async (path: string) => (await world.app.request(path, { headers: { "X-Forwarded-For": "198.51.100.7" } })).status;
  expect([await textOf("/docs"), await textOf("/openapi.json"), await textOf("/docs/errors/not_found")]).toEqual([200, 200, 200]);
  for (const path of ["/docs", "/openapi.json", "/widget.js", "/widget/demo"]) {
    const refused = await ask(path, "198.51.100.7");
    expect(refused, path).toMatchObject({ status: 429, body: { code: "too_many_requests", limit: { scope: "ip", limit: 3 } } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect((await ask("/healthz", "198.51.100.7")).status, "a balancer looks as often as it likes").toBe(200);
  expect((await ask("/openapi.json", "198.51.100.8")).status).toBe(200);
  world.advance(minutes(1));
  expect((await ask("/openapi.json", "198.51.100.7")).status).toBe(200);
});
