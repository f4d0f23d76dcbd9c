import type { ServerResponse } from "node:http";
import { and, eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { startScheduler } from "../../src/chores.ts";
import { uuidOf, type Id, type NewId, type Prefix } from "../../src/core/ids.ts";
import { after, epochMs, hours, minutes, msBetween, seconds, timestamp, type Timestamp } from "../../src/core/time.ts";
import type { Connection } from "../../src/db/connect.ts";
import { firstTurn } from "../../src/db/lease.ts";
import { mine } from "../../src/db/mine.ts";
import { query } from "../../src/db/query.ts";
import { claimDeliveries } from "../../src/dispatch/claim-deliveries.ts";
import { attemptDelivery, dispatchDeliveries } from "../../src/dispatch/dispatch-deliveries.ts";
import type { PostRequest } from "../../src/core/poster.ts";
import { sealHeaders } from "../../src/webhooks/endpoint-headers.ts";
import { webhook_deliveries, webhook_endpoint_hours, webhook_endpoints } from "../../src/webhooks/tables.ts";
import { openDatabase } from "../support/database.ts";
import { createReceiver, type Received } from "../support/receiver.ts";
import {
  attemptsOf,
  breakAt,
  deliveriesOf,
  leaveDeliveries,
  leaveEndpoints,
  onlyDelivery,
  storedDelivery,
  verifies,
} from "../support/webhooks.ts";
import { createWorld, cron_secret, type Tenant, type World } from "../support/world.ts";

let connection: Connection;
beforeAll(async () => void (connection = await openDatabase()));
afterAll(() => connection.close());

/** A world whose queue is its own: what earlier tests left waiting is settled first. */
async function setUp() {
  // What these tests are about is not time: where others work beside them a post may take long.
  const world = await createWorld({ db: connection.db, post_timeout_ms: 60_000 });
  await connection.db.execute(sql`update webhook_deliveries set status = 'canceled' where status in ('ready', 'scheduled', 'delivering')`);
  return { world, tenant: await world.tenant() };
}

const askCron = (world: World, job: string, { method = "POST", secret = cron_secret }: { method?: string; secret?: string | null } = {}) =>
  world.request(`/cron/${job}`, { method, ...(secret !== null && { headers: { Authorization: `Bearer ${secret}` } }) });

const idsOf = (received: Received[]) => received.map(({ headers }) => headers["webhook-id"]);
const statuses = (rows: { status: string }[]) => {
  const counts: Record<string, number> = {};
  for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

describe("the cron route", () => {
  test("answers how many deliveries it claimed, and what became of them", async () => {
    const { world, tenant } = await setUp();
    const [good, bad] = [await createReceiver(204), await createReceiver(500)];
    const [works, fails] = [await tenant.endpoint(good.url), await tenant.endpoint(bad.url)];
    await leaveDeliveries(tenant.ctx, works.id, 3);
    await leaveDeliveries(tenant.ctx, fails.id, 2);
    await leaveDeliveries(tenant.ctx, fails.id, 1, { attempts: 10 });

    const { status, body } = await askCron(world, "webhooks");
    expect(status).toBe(200);
    expect(body).toEqual({ claimed: 6, succeeded: 3, retried: 2, failed: 1, duration_ms: body["duration_ms"] });
    expect(body["duration_ms"]).toSatisfy(Number.isInteger);
    expect(await askCron(world, "webhooks")).toMatchObject({ body: { claimed: 0, succeeded: 0, retried: 0, failed: 0 } });
  });

  test("can be called with GET, by schedulers that have nothing else", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    expect(await askCron(world, "webhooks", { method: "GET" })).toMatchObject({ status: 200, body: { claimed: 1, succeeded: 1 } });
    expect(receiver.received).toHaveLength(1);
  });

  test.for<[string, string | null]>([
    ["no secret", null],
    ["a wrong secret", "a cron secret of at least 32 characterz"],
    ["a part of the secret", cron_secret.slice(0, -1)],
    ["an empty secret", ""],
  ])("with %s is refused, and delivers nothing", async ([, secret]) => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    for (const method of ["GET", "POST"]) {
      expect(await askCron(world, "webhooks", { method, secret })).toMatchObject({ status: 401, body: { code: "unauthorized" } });
    }
    expect(receiver.received).toEqual([]);
  });

  test("of a job that does not exist is not found, and without the secret nobody learns that", async () => {
    const { world } = await setUp();
    for (const job of ["emails", "constructor", "__proto__", "Webhooks"]) {
      expect(await askCron(world, job)).toMatchObject({ status: 404, body: { code: "not_found" } });
      expect(await askCron(world, job, { secret: null })).toMatchObject({ status: 401 });
    }
  });
});

describe("a run", () => {
  test("goes on until nothing is due, through more deliveries and more endpoints than one claim takes", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    const [first, ...others] = await leaveEndpoints(tenant.ctx, receiver.url, 70);
    await leaveDeliveries(tenant.ctx, first!, 130);
    for (const id of others) await leaveDeliveries(tenant.ctx, id, 1);

    expect(await world.deliver()).toMatchObject({ claimed: 199, succeeded: 199 });
    expect(new Set(idsOf(receiver.received)).size).toBe(199);
    expect(receiver.received).toHaveLength(199);
  });

  test("makes what falls due and what is written while it runs", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(async (response) => {
      if (receiver.received.length === 1) {
        world.advance(seconds(2));
        await tenant.hears("The second");
      }
      response.writeHead(204).end();
    });
    const { id } = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at: after(world.now(), seconds(1)) });
    await tenant.hears("The first");
    expect(await world.deliver()).toMatchObject({ claimed: 3, succeeded: 3 });
  });

  test("ends when its time is spent, and leaves the rest ready for the next", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver((response) => {
      if (receiver.received.length === 1) world.advance(seconds(26));
      response.writeHead(204).end();
    });
    const { id } = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, id, 150);

    const first = await world.deliver();
    // What was on the wire ended, and nothing else was begun; what was leased and not sent was given back.
    expect(first).toMatchObject({ claimed: 4, succeeded: 4, retried: 0, failed: 0 });
    expect(statuses(await storedOf(tenant))).toEqual({ succeeded: 4, ready: 146 });
    expect((await storedOf(tenant)).filter(({ lease_id, lease_until }) => lease_id ?? lease_until)).toEqual([]);
    expect(await world.deliver()).toMatchObject({ claimed: 146 });
    expect(receiver.received).toHaveLength(150);
  });

  test("that ended early is followed by one that goes on behind it, not by one that serves the same endpoints again", async () => {
    const { world, tenant } = await setUp();
    const posted: string[] = [];
    const poster = {
      roomAt: () => 1,
      close: async () => {},
      post: async ({ url }: PostRequest) => {
        posted.push(url);
        return { status_code: 204, error: null, duration_ms: 1, response_headers: {}, response_body: "", remote_address: null };
      },
    };
    // Two of them fill a claim.
    const busy = await leaveEndpoints(tenant.ctx, "https://busy.example.com/", 4);
    const [quiet] = await leaveEndpoints(tenant.ctx, "https://quiet.example.com/", 1);
    for (const id of busy) await leaveDeliveries(tenant.ctx, id, 200);
    await leaveDeliveries(tenant.ctx, quiet!, 1);

    const run = () => dispatchDeliveries({ ...world.services, poster }, { budget_ms: 0 });
    // The runs before this test may have ended anywhere.
    for (let runs = 0; runs < 3 && !posted.includes("https://quiet.example.com/"); runs++) await run();
    expect(posted).toContain("https://quiet.example.com/");
    expect(statuses(await storedOf(tenant))["ready"]).toBeGreaterThan(0);
  });

  test("starts no post that could not end within its lease; what it left has a new lease at once", async () => {
    const { world, tenant } = await setUp();
    // An endpoint that has not answered yet has four posts on the wire at most. While they are there, all but fourteen seconds of the lease go by.
    const hanging = await createHangingReceiver();
    const { id } = await tenant.endpoint(hanging.url);
    await leaveDeliveries(tenant.ctx, id, 70);
    const run = dispatchDeliveries(world.services, { budget_ms: minutes(5) });
    await vi.waitFor(() => expect(hanging.received).toHaveLength(4), { timeout: 5000 });
    world.advance(seconds(46));
    hanging.release();

    expect(await run).toMatchObject({ claimed: 70, succeeded: 70 });
    expect(new Set(idsOf(hanging.received)).size).toBe(70);
    expect(hanging.received).toHaveLength(70);
  });

  test("has no transaction open while a request is on the wire", async () => {
    const { world, tenant } = await setUp();
    const seen: unknown[] = [];
    // On PGlite, which has one connection, this query would wait for ever.
    const receiver = await createReceiver(async (response) => {
      seen.push(await query(connection.db, idle_transactions));
      response.writeHead(204).end();
    });
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await world.deliver();
    expect(seen).toEqual([[{ count: 0 }]]);
  });

  test("records what has ended while others are still on the wire", async () => {
    const { world, tenant } = await setUp();
    const slow = await createHangingReceiver();
    const fast = await createReceiver(204);
    await tenant.endpoint(slow.url);
    await tenant.endpoint(fast.url);
    await tenant.hears("Hello");
    const run = world.deliver();
    await vi.waitFor(async () => expect(statuses(await deliveriesOf(tenant))).toEqual({ succeeded: 1, delivering: 1 }), { timeout: 5000 });
    slow.release();
    expect(await run).toMatchObject({ claimed: 2, succeeded: 2 });
  });

  test("posts to one endpoint while another hangs, however many wait for that", async () => {
    const { world, tenant } = await setUp();
    const hanging = await createHangingReceiver();
    const fast = await createReceiver(204);
    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(hanging.url)).id, 100);
    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(fast.url)).id, 10);
    const run = world.deliver();
    await vi.waitFor(() => expect(fast.received).toHaveLength(10), { timeout: 5000 });
    hanging.release();
    expect(await run).toMatchObject({ claimed: 110, succeeded: 110 });
  });
});

describe("a slow receiver", () => {
  test(
    "holds its own slots and no others: whatever waits for the rest is made meanwhile, claim after claim",
    { timeout: 60_000 },
    async () => {
      const { world, tenant } = await setUp();
      const hanging = await createHangingReceiver();
      const fast = await createReceiver(204);
      await leaveDeliveries(tenant.ctx, (await tenant.endpoint(hanging.url)).id, 60);
      const { id } = await tenant.endpoint(fast.url);
      await leaveDeliveries(tenant.ctx, id, 200);
      const run = world.deliver();
      await vi.waitFor(() => expect(fast.received).toHaveLength(200), { timeout: 40_000 });
      // What is written while it hangs is made too.
      await leaveDeliveries(tenant.ctx, id, 5);
      await vi.waitFor(() => expect(fast.received).toHaveLength(205), { timeout: 5000 });
      expect(hanging.received).toHaveLength(4);
      hanging.release();
      expect(await run).toMatchObject({ claimed: 265, succeeded: 265 });
    },
  );

  test("that takes its time over retries keeps half of its slots' turns for what is new", { timeout: 60_000 }, async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    const { id } = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, id, 400, { attempts: 3, due_at: after(world.now(), -seconds(600)), created_at: world.now() });
    const fresh = await leaveDeliveries(tenant.ctx, id, 10);
    expect(await world.deliver()).toMatchObject({ succeeded: 410 });
    const places = fresh.map((delivery) => idsOf(receiver.received).indexOf(delivery));
    expect(Math.max(...places)).toBeLessThan(200);
  });
});

describe("a run that is to stop", () => {
  test("finishes and records what is on the wire, and gives the rest back at once", async () => {
    const { world, tenant } = await setUp();
    const hanging = await createHangingReceiver();
    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(hanging.url)).id, 100);
    const stopping = new AbortController();
    const run = dispatchDeliveries(world.services, { budget_ms: seconds(25), signal: stopping.signal });
    await vi.waitFor(() => expect(hanging.received).toHaveLength(4), { timeout: 5000 });

    stopping.abort();
    await vi.waitFor(async () => expect(statuses(await storedOf(tenant))).toEqual({ delivering: 4, ready: 96 }), { timeout: 5000 });
    const given_back = (await storedOf(tenant)).filter(({ status }) => status === "ready");
    expect(given_back.every(({ lease_id, lease_until, attempts }) => lease_id === null && lease_until === null && attempts === 0)).toBe(
      true,
    );

    hanging.release();
    expect(await run).toEqual({ claimed: 4, succeeded: 4, retried: 0, failed: 0 });
    expect(statuses(await storedOf(tenant))).toEqual({ succeeded: 4, ready: 96 });
    expect(hanging.received).toHaveLength(4);
    expect(await world.deliver()).toMatchObject({ claimed: 96, succeeded: 96 });
  });

  test("before it began takes nothing", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(receiver.url)).id, 5);
    const report = await dispatchDeliveries(world.services, { budget_ms: seconds(25), signal: AbortSignal.abort() });
    expect(report).toEqual({ claimed: 0, succeeded: 0, retried: 0, failed: 0 });
    expect(statuses(await storedOf(tenant))).toEqual({ ready: 5 });
  });

  test("is how the scheduler ends: it waits for what is on the wire and leaves nothing leased", async () => {
    const { world, tenant } = await setUp();
    const hanging = await createHangingReceiver();
    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(hanging.url)).id, 50);
    const scheduler = startScheduler(world.services);
    await vi.waitFor(() => expect(hanging.received).toHaveLength(4), { timeout: 5000 });
    const stopped = scheduler.stop();
    await vi.waitFor(async () => expect(statuses(await storedOf(tenant))).toEqual({ delivering: 4, ready: 46 }), { timeout: 5000 });
    hanging.release();
    await stopped;
    expect(statuses(await storedOf(tenant))).toEqual({ succeeded: 4, ready: 46 });
  });
});

describe("the scheduler", () => {
  test("makes a delivery as soon as it is woken, even while a receiver hangs", async () => {
    const { world, tenant } = await setUp();
    const hanging = await createHangingReceiver();
    const fast = await createReceiver(204);
    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(hanging.url)).id, 40);
    const { id } = await tenant.endpoint(fast.url);
    const scheduler = startScheduler(world.services);
    onTestFinished(async () => {
      hanging.release();
      await scheduler.stop();
    });
    await vi.waitFor(() => expect(hanging.received).toHaveLength(4), { timeout: 5000 });

    const waits: number[] = [];
    for (let n = 1; n <= 5; n++) {
      await leaveDeliveries(tenant.ctx, id, 1);
      const started_ms = performance.now();
      scheduler.wake("webhooks");
      await vi.waitFor(() => expect(fast.received).toHaveLength(n), { timeout: 5000, interval: 1 });
      waits.push(performance.now() - started_ms);
    }
    // By polling alone it would take 125 ms in the mean.
    expect(Math.min(...waits)).toBeLessThan(125);
  });
});

describe("an endpoint's hours", () => {
  test("add up every attempt exactly, also when two dispatchers write them at once", async () => {
    const { world, tenant } = await setUp();
    const at_hour = timestamp(Math.ceil(epochMs(world.now()) / hours(1)) * hours(1));
    world.advance(msBetween(world.now(), at_hour) + minutes(1));
    const good = await createReceiver(204);
    const bad = await createReceiver(500);
    const [works, fails] = [await tenant.endpoint(good.url), await tenant.endpoint(bad.url)];
    // Their last attempt: a retry could fall due while this runs.
    const leave = async () => {
      for (const { id } of [works, fails]) await leaveDeliveries(tenant.ctx, id, 60, { attempts: 10, created_at: world.now() });
    };
    const hoursOf = async () =>
      (await tenant.ctx.db.select().from(webhook_endpoint_hours).where(mine(tenant.ctx, webhook_endpoint_hours)))
        .map(({ endpoint_id, hour, succeeded, failed }) => ({ endpoint_id, hour, succeeded, failed }))
        .toSorted((a, b) => (a.hour + a.endpoint_id < b.hour + b.endpoint_id ? -1 : 1));
    const expected = (hour: Timestamp) => [
      { endpoint_id: works.id, hour, succeeded: 60, failed: 0 },
      { endpoint_id: fails.id, hour, succeeded: 0, failed: 60 },
    ];

    await leave();
    await Promise.all([world.deliver(), world.deliver()]);
    expect(await hoursOf()).toEqual(expected(at_hour));

    world.advance(hours(1));
    await leave();
    await Promise.all([world.deliver(), world.deliver()]);
    expect(await hoursOf()).toEqual([...expected(at_hour), ...expected(after(at_hour, hours(1)))]);
  });

  test("count replays, and no examples", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    const { id } = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, id, 1, { trigger: "manual", resting_status: "succeeded" });
    await leaveDeliveries(tenant.ctx, id, 1, { trigger: "test" });
    expect(await world.deliver()).toMatchObject({ succeeded: 2 });
    const rows = await tenant.ctx.db.select().from(webhook_endpoint_hours).where(mine(tenant.ctx, webhook_endpoint_hours));
    expect(rows.map(({ succeeded, failed }) => [succeeded, failed])).toEqual([[1, 0]]);
  });

  test("are not added to by a settlement that fails", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    breakAt(world, "att");
    expect((await askCron(world, "webhooks")).status).toBe(500);
    expect(await tenant.ctx.db.select().from(webhook_endpoint_hours).where(mine(tenant.ctx, webhook_endpoint_hours))).toEqual([]);
  });
});

describe("one delivery that somebody has leased", () => {
  /** An example that was asked for, leased by whoever asks. */
  async function leaseExample(reply: number) {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(reply);
    const endpoint = await tenant.endpoint(receiver.url);
    const lease = { lease_id: crypto.randomUUID(), lease_until: after(world.now(), seconds(60)) };
    const [id] = await leaveDeliveries(tenant.ctx, endpoint.id, 1, { status: "delivering", trigger: "test", ...lease });
    const claimed = { workspace_id: tenant.workspace_id, uuid: uuidOf(id!), lane: uuidOf(endpoint.id), attempts: 0, ...lease };
    return { world, tenant, receiver, endpoint, id: id!, claimed };
  }

  test("goes through the same stages: signed, posted, judged and recorded", async () => {
    const { world, tenant, receiver, id, claimed } = await leaseExample(204);
    expect(await attemptDelivery(world.services, claimed)).toMatchObject({ outcome: { status_code: 204, error: null } });
    expect(verifies(tenant.webhook_secret, receiver.received[0]!)).toBe(true);
    expect(await storedDelivery(tenant, id)).toMatchObject({ status: "succeeded", attempts: 1, lease_id: null, lease_until: null });
    expect(await attemptsOf(tenant, id)).toMatchObject([{ number: 1, trigger: "test", status_code: 204 }]);
  });

  test("that is an example and fails has failed: no retry follows", async () => {
    const { world, tenant, receiver, id, claimed } = await leaseExample(500);
    expect(await attemptDelivery(world.services, claimed)).toMatchObject({ outcome: { status_code: 500, error: "non_2xx" } });
    expect(await storedDelivery(tenant, id)).toMatchObject({ status: "failed", attempts: 1 });
    expect((await storedDelivery(tenant, id)).completed_at).not.toBeNull();
    world.advance(hours(24));
    await world.deliver();
    expect(receiver.received).toHaveLength(1);
  });

  test("that is answered with 410 disables the endpoint as any other does", async () => {
    const { world, tenant, endpoint, id, claimed } = await leaseExample(410);
    await attemptDelivery(world.services, claimed);
    expect(await storedDelivery(tenant, id)).toMatchObject({ status: "failed" });
    expect((await tenant.get(`/v1/webhook_endpoints/${endpoint.id}`)).body).toMatchObject({ status: "disabled", disabled_reason: "gone" });
  });

  test("whose lease is another's by now is posted and leaves no trace", async () => {
    const { world, tenant, id, claimed } = await leaseExample(204);
    await attemptDelivery(world.services, { ...claimed, lease_id: crypto.randomUUID() });
    expect(await storedDelivery(tenant, id)).toMatchObject({ status: "delivering", attempts: 0, lease_id: claimed.lease_id });
    expect(await attemptsOf(tenant, id)).toEqual([]);
  });
});

test("an attempt that failed is one line of the log for whoever looks for it, by its ids", async () => {
  const { world, tenant } = await setUp();
  const receiver = await createReceiver(503);
  const { id } = await tenant.endpoint(receiver.url);
  await tenant.hears("Hello");
  const said: object[] = [];
  world.services.log.debug = (fields, message) => void said.push({ ...fields, message });
  await world.deliver();
  const failed = said.filter((line) => "endpoint_id" in line && line.endpoint_id === id);
  expect(failed).toEqual([
    {
      message: "an attempt failed",
      workspace_id: tenant.workspace_id,
      endpoint_id: id,
      delivery_id: (await onlyDelivery(tenant)).id,
      attempt: 1,
      error: "non_2xx",
      status_code: 503,
      duration_ms: expect.any(Number) as number,
    },
  ]);
});

describe("an endpoint's own headers", () => {
  test("are sent, and none of them can stand in the place of ours, however it is written", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    const { id } = await tenant.endpoint(receiver.url);
    const headers = { "X-Team": "support", Authorization: "Bearer theirs", "Webhook-Id": "forged", "WEBHOOK-SIGNATURE": "v1,forged" };
    await setHeaders(tenant, id, sealHeaders(tenant.ctx, headers));
    await tenant.hears("Hello");
    await world.deliver();

    const [received] = receiver.received;
    expect(received!.headers).toMatchObject({
      "x-team": "support",
      authorization: "Bearer theirs",
      "webhook-id": (await onlyDelivery(tenant)).id,
      "user-agent": "Wassla-Webhooks/1",
    });
    expect(verifies(tenant.webhook_secret, received!)).toBe(true);
  });

  test("that cannot be opened fail that endpoint's deliveries, and nobody else's", async () => {
    const { world, tenant } = await setUp();
    const [one, other] = [await createReceiver(204), await createReceiver(204)];
    const { id } = await tenant.endpoint(one.url);
    await tenant.endpoint(other.url);
    const elsewhere = await world.tenant();
    await setHeaders(tenant, id, sealHeaders(elsewhere.ctx, { "X-Team": "theirs" }));
    await tenant.hears("Hello");
    await world.deliver();
    expect([one.received.length, other.received.length]).toEqual([0, 1]);
    expect(statuses(await storedOf(tenant))).toEqual({ scheduled: 1, succeeded: 1 });
    expect(world.logged).toMatchObject([{ level: "error", fields: { endpoint_id: id, sealed: "headers" } }]);
  });

  const setHeaders = ({ ctx }: Tenant, id: Id<"whe">, sealed_headers: string | null) =>
    ctx.db
      .update(webhook_endpoints)
      .set({ sealed_headers })
      .where(and(mine(ctx, webhook_endpoints), eq(webhook_endpoints.id, id)));
});

describe("several dispatchers at once", () => {
  test("make every delivery exactly once", async () => {
    const { world, tenant } = await setUp();
    const receivers = [await createReceiver(204), await createReceiver(204), await createReceiver(204)];
    for (const { url } of receivers) await leaveDeliveries(tenant.ctx, (await tenant.endpoint(url)).id, 80);

    const reports = await Promise.all([world.deliver(), world.deliver(), world.deliver(), world.deliver()]);
    expect(reports.reduce((sum, { succeeded }) => sum + succeeded!, 0)).toBe(240);
    const ids = receivers.flatMap(({ received }) => idsOf(received));
    expect(ids).toHaveLength(240);
    expect(new Set(ids).size).toBe(240);
    expect(statuses(await storedOf(tenant))).toEqual({ succeeded: 240 });
  });

  test("are not all held up by an endpoint that hangs: it holds no more than its share", async () => {
    const { world, tenant } = await setUp();
    const hanging = await createHangingReceiver();
    const fast = await createReceiver(204);
    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(hanging.url)).id, 200);
    const held_up = world.deliver();
    await vi.waitFor(() => expect(hanging.received).not.toEqual([]), { timeout: 5000 });

    await leaveDeliveries(tenant.ctx, (await tenant.endpoint(fast.url)).id, 1);
    expect(await world.deliver()).toMatchObject({ claimed: 1, succeeded: 1 });
    expect(statuses(await storedOf(tenant))).toEqual({ delivering: 160, ready: 40, succeeded: 1 });
    await vi.waitFor(() => expect(hanging.received).toHaveLength(4), { timeout: 5000 });

    hanging.release();
    expect(await held_up).toMatchObject({ claimed: 200, succeeded: 200 });
  });
});

describe("a dispatcher that dies", () => {
  test("after the post and before it is recorded leaves the delivery to be made again, with the same id", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    const mend = breakAt(world, "att");
    expect(await askCron(world, "webhooks")).toMatchObject({ status: 500, body: { code: "internal_error" } });
    mend();
    const delivery = await onlyDelivery(tenant);
    expect(delivery).toMatchObject({ status: "delivering", attempts: 0 });
    expect(await attemptsOf(tenant, delivery.id)).toEqual([]);

    expect(await world.deliver()).toMatchObject({ claimed: 0 });
    world.advance(seconds(61));
    expect(await world.deliver()).toMatchObject({ claimed: 1, succeeded: 1 });
    expect(idsOf(receiver.received)).toEqual([delivery.id, delivery.id]);
    expect(receiver.received.map(({ headers }) => headers["wassla-attempt"])).toEqual(["1", "1"]);
    expect(receiver.received[1]!.body).toBe(receiver.received[0]!.body);
    expect(await attemptsOf(tenant, delivery.id)).toMatchObject([{ number: 1, status_code: 204 }]);
  });

  test("while recording one result still lets the others end and be recorded", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    const { id } = await tenant.endpoint(receiver.url);
    // More than are claimed before the fault is heard of, however slow the machine.
    const count = 300;
    await leaveDeliveries(tenant.ctx, id, count);
    const { newId } = world.services;
    let breaks = 1;
    world.services.newId = ((prefix: Prefix) => {
      if (prefix === "att" && breaks-- > 0) throw new Error("no attempt can be written");
      return newId(prefix);
    }) as NewId;

    expect((await askCron(world, "webhooks")).status).toBe(500);
    const after_fault = statuses(await storedOf(tenant));
    expect(after_fault["delivering"], "those whose result is lost").toBeGreaterThan(0);
    expect(after_fault["succeeded"], "those that were on the wire").toBeGreaterThan(0);
    expect(after_fault["ready"], "those that were not").toBeGreaterThan(0);

    world.advance(seconds(61));
    expect(await world.deliver()).toMatchObject({ claimed: count - after_fault["succeeded"]! });
    expect(new Set(idsOf(receiver.received)).size).toBe(count);
    expect(receiver.received).toHaveLength(count + after_fault["delivering"]!);
    expect(statuses(await storedOf(tenant))).toEqual({ succeeded: count });
  });

  test("before the post leaves no trace but the lease", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await claimDeliveries(world.services, firstTurn(), { lanes: 64, in_flight_per_lane: 100, limit: 320 });

    expect(await world.deliver()).toMatchObject({ claimed: 0 });
    world.advance(seconds(61));
    expect(await world.deliver()).toMatchObject({ claimed: 1, succeeded: 1 });
    expect(receiver.received).toHaveLength(1);
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "succeeded", attempts: 1 });
  });
});

/** Takes requests and does not answer, until it is told to. */
async function createHangingReceiver() {
  const held: ServerResponse[] = [];
  let is_released = false;
  const answer = (response: ServerResponse) => response.writeHead(204).end();
  const receiver = await createReceiver((response) => (is_released ? answer(response) : held.push(response)));
  return {
    ...receiver,
    release() {
      is_released = true;
      held.forEach(answer);
    },
  };
}

const idle_transactions = sql`
  select count(*)::int from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`;

const storedOf = ({ ctx }: Tenant) => ctx.db.select().from(webhook_deliveries).where(mine(ctx, webhook_deliveries));
