import type { ServerResponse } from "node:http";
import { eq } from "drizzle-orm";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { connectPostgres } from "../../src/db/connect.ts";
import { mine } from "../../src/db/mine.ts";
import { webhook_deliveries } from "../../src/webhooks/tables.ts";
import { cloneDatabase, onPostgres } from "../support/database.ts";
import { freePort, patience_ms, start, until } from "../support/processes.ts";
import { createReceiver } from "../support/receiver.ts";
import { leaveDeliveries } from "../support/webhooks.ts";
import { createWorld, cron_secret, master_key } from "../support/world.ts";

/** A database, a tenant on it, and servers that share it. */
async function setUp() {
  const template = inject("template");
  if (template.kind !== "postgres") throw new Error("this needs a server");
  const url = await cloneDatabase(template);
  const connection = connectPostgres(url, { pool_size: 2 });
  onTestFinished(() => connection.close());
  const tenant = await (await createWorld({ db: connection.db })).tenant();

  const serve = async (settings: Record<string, string>) => {
    const port = await freePort();
    const common = { DATABASE_URL: url, MASTER_KEY: master_key, CRON_SECRET: cron_secret, HOST: "127.0.0.1", ALLOW_PRIVATE_WEBHOOKS: "on" };
    const server = start("src/bin/serve.ts", [], { ...common, PORT: port, LOG_LEVEL: "error", ...settings });
    await until(server, /Wassla is ready/);
    const say = (conversation_id: string) =>
      fetch(`http://127.0.0.1:${port}/v1/conversations/${conversation_id}/messages`, {
        method: "POST",
        headers: { Authorization: `Bearer ${tenant.api_key}`, "Content-Type": "application/json" },
        body: JSON.stringify({ content: { type: "text", text: "Good day" } }),
      });
    return { ...server, say };
  };
  const statuses = async () => {
    const rows = await connection.db.select().from(webhook_deliveries).where(mine(tenant.ctx, webhook_deliveries));
    const counts: Record<string, number> = {};
    for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  };
  return { tenant, serve, statuses, db: connection.db };
}

describe.runIf(onPostgres())("of two processes on one database", { timeout: patience_ms }, () => {
  test("the one that delivers is woken by the one that is told", async () => {
    const { tenant, serve } = await setUp();
    const { id } = await tenant.hears("Hello");
    const [api] = await Promise.all([serve({ SCHEDULER: "off" }), serve({ SCHEDULER: "on" })]);
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url, { event_types: ["new_message"] });

    const waits: number[] = [];
    for (let n = 1; n <= 8; n++) {
      expect((await api.say(id)).status).toBe(201);
      const committed_ms = performance.now();
      await expect.poll(() => receiver.received.length, { interval: 1 }).toBe(n);
      waits.push(performance.now() - committed_ms);
    }
    // By looking alone, every 250 ms, eight waits would hardly all be longer than this by chance, and hardly one as short.
    expect(Math.min(...waits)).toBeLessThan(100);
  });

  test("the one that is asked to stop finishes what it has sent and gives back the rest, which the other delivers", async () => {
    const { tenant, serve, statuses, db } = await setUp();
    const held: ServerResponse[] = [];
    const answer = (response: ServerResponse) => void response.writeHead(204).end();
    let treat = (response: ServerResponse) => void held.push(response);
    const receiver = await createReceiver((response) => treat(response));
    const { id } = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, id, 40);
    const first = await serve({ SCHEDULER: "on" });
    // So many of an endpoint that has not answered yet.
    await expect.poll(() => held.length).toBe(4);

    first.child.kill("SIGTERM");
    await expect.poll(statuses).toEqual({ delivering: 4, ready: 36 });
    expect(first.child.exitCode, "4 are still to be answered").toBeNull();
    held.forEach(answer);
    expect(await first.ended).toMatchObject({ code: 0, stderr: "" });
    expect(await statuses()).toEqual({ succeeded: 4, ready: 36 });
    const leased = await db.select().from(webhook_deliveries).where(eq(webhook_deliveries.status, "ready"));
    expect(leased.every(({ lease_id, attempts }) => lease_id === null && attempts === 0)).toBe(true);

    treat = answer;
    await serve({ SCHEDULER: "on" });
    await expect.poll(statuses).toEqual({ succeeded: 40 });
    expect(new Set(receiver.received.map(({ headers }) => headers["delivery_id"])).size, "none was sent twice").toBe(40);
  });
});
