import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../../src/db/connect.ts";
import { openDatabase } from "../support/database.ts";
import { createReceiver } from "../support/receiver.ts";
import { attemptsOf, deliveriesOf, leaveDeliveries } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

let connection: Connection;
beforeAll(async () => void (connection = await openDatabase()));
afterAll(() => connection.close());

/** A server that does with each connection, once something was said, what it is told. */
async function rudeReceiver(serve: (socket: Socket) => unknown): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.once("data", () => serve(socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const says = (bytes: string) => (socket: Socket) => socket.end(bytes, "latin1");

const rude: [what: string, serve: (socket: Socket) => unknown, recorded: object][] = [
  ["nothing at all", () => {}, { status_code: null, error: "timeout", response_body: null }],
  ["a reset", (socket) => socket.resetAndDestroy(), { status_code: null, error: "connection_reset", response_headers: null }],
  ["a close", (socket) => socket.end(), { status_code: null, error: "connection_reset" }],
  ["something else", says("SSH-2.0-OpenSSH_9.6\r\n"), { status_code: null, error: "invalid_response" }],
  [
    "much head",
    says(`HTTP/1.1 200 OK\r\n${`X-Much: ${"v".repeat(1000)}\r\n`.repeat(20)}\r\n`),
    { status_code: null, error: "invalid_response" },
  ],
  ["a redirect", says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"), { status_code: 302, error: "non_2xx" }],
  [
    "an error with a NUL",
    says("HTTP/1.1 500 Oops\r\n\r\na\0b\xff"),
    { status_code: 500, error: "non_2xx", response_body: "a\ufffdb\ufffd" },
  ],
  [
    "a cut character",
    says(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(4095)}\xc3\xa9`),
    { status_code: 200, error: null, response_body: "x".repeat(4095) },
  ],
  ["half a body", says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), { status_code: 200, error: null, response_body: "half" }],
  ["a body after a 204", says("HTTP/1.1 204 No Content\r\n\r\nbody"), { status_code: 204, error: null, response_body: "" }],
  ["a head that never ends", (socket) => socket.write("HTTP/1.1 200 OK\r\n"), { status_code: null, error: "timeout" }],
  [
    "a body that never ends",
    (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nso far"),
    { status_code: 200, error: null, response_body: "so far" },
  ],
];

test(
  "whatever receivers do, each attempt is recorded as what it was, and a healthy one is served beside them",
  { timeout: 60_000 },
  async () => {
    const world = await createWorld({ db: connection.db, post_timeout_ms: 3000 });
    const tenant = await world.tenant();
    const expected = new Map<string, object>();
    for (const [what, serve, recorded] of rude) {
      const { id } = await tenant.endpoint(await rudeReceiver(serve));
      await leaveDeliveries(tenant.ctx, id, 1);
      expected.set(id, { what, ...recorded });
    }
    const healthy = await createReceiver(204);
    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(healthy.url)).id, 5);

    await world.deliver();
    expect(healthy.received).toHaveLength(5);
    for (const delivery of await deliveriesOf(tenant)) {
      const { what, ...recorded } = (expected.get(delivery.endpoint_id) ?? { what: "healthy", status_code: 204, error: null }) as {
        what: string;
        error: string | null;
      };
      const attempts = await attemptsOf(tenant, delivery.id);
      expect(attempts, what).toHaveLength(1);
      expect(attempts[0], what).toMatchObject({ ...recorded, remote_address: "127.0.0.1" });
      expect(delivery, what).toMatchObject({
        status: recorded.error === null ? "succeeded" : "pending",
        attempts: 1,
        last_error: recorded.error,
      });
    }
  },
);
