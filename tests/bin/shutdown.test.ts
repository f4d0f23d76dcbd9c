import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, inject, onTestFinished, test } from "vitest";
import { connectPostgres } from "../../src/db/connect.ts";
import { cloneDatabase, onPostgres } from "../support/database.ts";
import { freePort, isRefused, patience_ms, preparedFolder, start, until } from "../support/processes.ts";
import { createReceiver } from "../support/receiver.ts";
import { createWorld, cron_secret, master_key } from "../support/world.ts";

/** A server in a process of its own, on whichever database is tested, and a key of a workspace that has an open conversation. */
async function serve() {
  const port = await freePort();
  const common = { PORT: port, HOST: "127.0.0.1", MASTER_KEY: master_key, CRON_SECRET: cron_secret, SCHEDULER: "off" };
  const settings = { ...common, ALLOW_PRIVATE_WEBHOOKS: "on", LOG_LEVEL: "error" };
  const template = inject("template");
  if (template.kind === "embedded") {
    const server = start("src/bin/serve.ts", [], { ...settings, DATA_DIR: await preparedFolder() });
    const [key] = await until(server, /wsk_live_\w{38}/);
    return { server, port: Number(port), key };
  }
  const url = await cloneDatabase(template);
  const connection = connectPostgres(url, { pool_size: 1 });
  onTestFinished(() => connection.close());
  const tenant = await (await createWorld({ db: connection.db })).tenant();
  await tenant.hears("Hello");
  const server = start("src/bin/serve.ts", [], { ...settings, DATABASE_URL: url });
  await until(server, /Wassla is ready/);
  return { server, port: Number(port), key: tenant.api_key };
}

/** A connection of which the test says every byte. */
function openSocket(port: number) {
  const socket = connect({ port, host: "127.0.0.1" });
  const heard = { text: "" };
  socket.on("data", (chunk: Buffer) => void (heard.text += chunk.toString("utf8")));
  return { heard, say: (text: string) => void socket.write(text), closed: once(socket, "close") };
}

test(
  "who is asked to stop takes nothing new, answers what was asked, closes what is idle, and ends well",
  { timeout: patience_ms },
  async () => {
    const { server, port, key } = await serve();
    const ask = (path: string, method: string, token: string, body?: object) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) },
        ...(body && { body: JSON.stringify(body) }),
      });

    const held: ServerResponse[] = [];
    const receiver = await createReceiver((response) => held.push(response));
    await ask("/v1/webhook_endpoints", "POST", key, { url: receiver.url, event_types: ["new_message"] });
    const listed = (await (await ask("/v1/conversations?channel=whatsapp&status=open&limit=1", "GET", key)).json()) as {
      data: { id: string }[];
    };
    const sent = await ask(`/v1/conversations/${listed.data[0]!.id}/messages`, "POST", key, {
      content: { type: "text", text: "Good day" },
    });
    expect(sent.status).toBe(201);
    const cron = ask("/cron/webhooks", "POST", cron_secret);
    await expect.poll(() => held.length, { timeout: 10_000 }).toBe(1);

    const idle = openSocket(port);
    idle.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const silent = openSocket(port);
    const slow = openSocket(port);
    slow.say(
      `POST /v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"name":`,
    );
    await expect.poll(() => idle.heard.text).toContain('"ok"');
    await new Promise((resolve) => setTimeout(resolve, 300));

    server.child.kill("SIGTERM");
    await expect.poll(() => isRefused(port), { timeout: 10_000 }).toBe(true);
    await Promise.all([idle.closed, silent.closed]);
    expect(server.child.exitCode, "two are still to be answered").toBeNull();

    slow.say('"Sara"}');
    await slow.closed;
    expect(slow.heard.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(slow.heard.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(slow.heard.text).toContain('"name":"Sara"');

    held[0]!.writeHead(204).end();
    const told = await cron;
    expect(told.status).toBe(200);
    expect(await told.json()).toMatchObject({ claimed: 1, succeeded: 1 });

    expect(await server.ended).toMatchObject({ code: 0, stderr: "" });
  },
);

/** A server whose way to the database the test can end, or make silent. */
async function serveOverProxy() {
  const template = inject("template");
  if (template.kind !== "postgres") throw new Error("this needs a server");
  const url = new URL(await cloneDatabase(template));
  const target = { host: url.hostname, port: Number(url.port) };
  const sockets = new Set<Socket>();
  let is_silent = false;
  const way = createServer((near) => {
    const far = connect(target);
    const pipe = (from: Socket, to: Socket) => {
      sockets.add(from);
      from.on("error", () => {});
      from.on("data", (bytes) => void (is_silent || to.write(bytes)));
      from.on("close", () => is_silent || to.destroy());
    };
    pipe(near, far);
    pipe(far, near);
  }).listen(0, "127.0.0.1");
  await once(way, "listening");
  const cut = () => {
    way.close();
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(cut);
  url.port = String((way.address() as AddressInfo).port);
  const port = await freePort();
  const settings = { PORT: port, HOST: "127.0.0.1", MASTER_KEY: master_key, CRON_SECRET: cron_secret, LOG_LEVEL: "warn" };
  const server = start("src/bin/serve.ts", [], { ...settings, DATABASE_URL: url.href });
  await until(server, /Wassla is ready/);
  expect(server.output.stdout, "which nobody outside could use").toContain("PUBLIC_URL is not set");
  const connection = connectPostgres(Object.assign(new URL(url), { port: String(target.port) }).href, { pool_size: 1 });
  onTestFinished(() => connection.close());
  const tenant = await (await createWorld({ db: connection.db })).tenant();
  const me = await fetch(`http://127.0.0.1:${port}/v1/me`, { headers: { Authorization: `Bearer ${tenant.api_key}` } });
  expect(me.status, "so there is a use of a key to be written down").toBe(200);
  return { server, cut, fallSilent: () => void (is_silent = true) };
}

test.runIf(onPostgres())(
  "who is asked to stop while the database is away ends well, and tells nothing of what was asked of it",
  { timeout: patience_ms },
  async () => {
    const { server, cut } = await serveOverProxy();
    cut();
    server.child.kill("SIGTERM");
    const { code, stdout, stderr } = await server.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("something was left undone at the end");
    expect(stdout).not.toMatch(/update "|last_used_at|params/);
  },
);

test.runIf(onPostgres())("who is asked to stop while the database says nothing ends in time", { timeout: patience_ms }, async () => {
  const { server, fallSilent } = await serveOverProxy();
  fallSilent();
  const asked = performance.now();
  server.child.kill("SIGTERM");
  const { stderr } = await server.ended;
  expect(performance.now() - asked).toBeLessThan(30_000);
  expect(stderr).toBe("");
});
