import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { errors } from "../../src/core/errors.ts";
import { isId } from "../../src/core/ids.ts";
import { minutes } from "../../src/core/time.ts";
import { patience } from "../../src/http/open-server.ts";
import { edges } from "../support/edges.ts";
import { answersIn, exchange, listen, type WireAnswer } from "../support/wire.ts";
import { createWorld } from "../support/world.ts";

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { token } = await tenant.mint({ rate_limit_per_minute: 10_000 });
  const { port } = await listen(world);
  const faults: unknown[] = [];
  const note = (fault: unknown) => void faults.push(fault);
  for (const event of ["unhandledRejection", "uncaughtException"] as const) {
    process.on(event, note);
    onTestFinished(() => void process.off(event, note));
  }
  return { world, port, token, faults };
}

const inWords = ({ status, body }: WireAnswer): string => {
  const code = body.startsWith("{") && status >= 400 ? codeIn(JSON.parse(body) as object) : undefined;
  return code === undefined ? String(status) : `${status} ${code}`;
};

/** REST's problem, or tRPC's envelope of it. */
const codeIn = (body: { code?: string; error?: { data: { problem: { code: string } } } }): string | undefined =>
  body.code ?? body.error?.data.problem.code;

test("there are enough of them", () => {
  expect(Object.values(edges).flat().length).toBeGreaterThan(250);
});

test.each(Object.keys(edges))("%s: every one has its right answer, and the server goes on", { timeout: 60_000 }, async (about) => {
  const { world, port, token, faults } = await setUp();
  for (const [name, bytes, answer, how = {}] of edges[about]!) {
    const wanted = answer.split(", ");
    const answers = await exchange(port, [Buffer.from(bytes.replaceAll("{key}", token), "latin1")], { answers: wanted.length, ...how });
    expect.soft(answers.map(inWords), name).toEqual(wanted);
    const next = await exchange(port, `GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    expect(next.map(inWords), `after: ${name}`).toEqual(["200"]);
    // Many of them rotate the secret, and only so many may sign at once.
    await world.request("/v1/webhook_secret/expire_previous", { method: "POST", key: token });
  }
  expect(world.logged).toEqual([]);
  expect(faults).toEqual([]);
});

const shortly = { head_ms: 200, request_ms: 400, idle_ms: 300, stall_ms: 10_000 };
/** Where it is the headers that do not end, nothing but their own bound cuts them off. */
const shortlyForHeads = { ...shortly, request_ms: minutes(1) };

/** A client that says a little every 50 ms, and never ends. What it is told, and how long it took. */
async function drip(port: number, begun: string, more: string) {
  const socket = connect({ port, host: "127.0.0.1" });
  const started = performance.now();
  let told = "";
  socket.on("data", (chunk: Buffer) => void (told += chunk.toString("latin1")));
  socket.on("error", () => {});
  if (begun !== "") socket.write(begun);
  const tap = setInterval(() => more !== "" && socket.writable && socket.write(more), 50);
  await once(socket, "close");
  clearInterval(tap);
  return { told, answers: answersIn(Buffer.from(told, "latin1")), took_ms: performance.now() - started };
}

test.each([
  ["says nothing", "", ""],
  ["sends its headers one by one, without an end", "GET /v1/me HTTP/1.1\r\nHost: x\r\n", "X: y\r\n"],
  ["sends a header that does not end", "GET /v1/me HTTP/1.1\r\nHost: x\r\nX: ", "y"],
  ["sends a first line that does not end", "GET /", "x"],
  [
    "sends a body that does not end",
    "POST /v1/webhook_secret/rotate HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
    " ",
  ],
  [
    "sends chunks that do not end",
    "POST /v1/webhook_secret/rotate HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    "1\r\n \r\n",
  ],
  ["sends empty lines", "", "\r\n"],
])("a client that %s is told that it is too slow, and is let go of", async (_, begun, more) => {
  const { world, token, faults } = await setUp();
  const { port } = await listen(world, begun.startsWith("POST") ? shortly : shortlyForHeads);
  const { told, answers, took_ms } = await drip(port, begun.replace("{auth}", `Authorization: Bearer ${token}\r\n`), more);
  expect(told).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  expect(JSON.parse(answers[0]!.body)).toMatchObject({ code: "request_timeout" });
  expect(told).toContain("Connection: close");
  expect(took_ms).toBeLessThan(10_000);
  expect({ logged: world.logged, faults }).toEqual({ logged: [], faults: [] });
});

test("a connection on which nothing more is asked is closed without a word", async () => {
  const { world, token } = await setUp();
  const { port } = await listen(world, shortly);
  const { told } = await drip(port, `GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`, "");
  expect(told.match(/^HTTP/gm)).toHaveLength(1);
});

test("the patience that is kept by default ends before a minute is over, and outlasts the load balancers'", () => {
  expect(patience.head_ms).toBeLessThanOrEqual(patience.request_ms);
  expect(patience.request_ms).toBeLessThan(minutes(1));
  expect(patience.idle_ms).toBeGreaterThan(minutes(1));
});

test("what never reached the application is refused like everything else, and closes the connection", async () => {
  const { world, port } = await setUp();
  const [answer] = await exchange(port, "nonsense\r\n\r\n");
  const { headers, body } = answer!;
  const request_id = headers.get("x-request-id")!;
  expect(isId("req", request_id)).toBe(true);
  expect(Object.fromEntries(headers)).toEqual({
    "content-type": "application/problem+json",
    "content-length": String(Buffer.byteLength(body)),
    "cache-control": "no-store",
    "x-request-id": request_id,
    connection: "close",
    date: new Date(headers.get("date")!).toUTCString(),
  });
  const problem: unknown = JSON.parse(body);
  expect(problem).toEqual({
    type: "https://api.wassla.test/docs/errors/malformed_request",
    title: "Malformed request",
    status: 400,
    code: "malformed_request",
    detail: errors.malformed_request.meaning,
    instance: "/",
    request_id,
  });
  expect(world.logged).toEqual([]);
});

test("a change that was asked for before the fault is made and answered, and nothing of the fault is done", async () => {
  const { world, port, token } = await setUp();
  const key = `Host: x\r\nAuthorization: Bearer ${token}\r\n`;
  const answers = await exchange(
    port,
    `POST /v1/contacts HTTP/1.1\r\n${key}Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{"name":"First"}` +
      `POST /v1/contacts HTTP/1.1\r\n${key}Content-Type: application/json\r\nContent-Length: -1\r\n\r\n{"name":"Second"}`,
    { answers: 2 },
  );
  expect(answers.map(inWords)).toEqual(["200", "400 malformed_request"]);
  const { body } = await world.request<{ data: { name: string }[] }>("/v1/contacts", { key: token });
  expect(body.data.map(({ name }) => name)).toEqual(["First"]);
});
