import type { ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Connection } from "../../src/db/connect.ts";
import { mine } from "../../src/db/mine.ts";
import { dispatchDeliveries } from "../../src/dispatch/dispatch-deliveries.ts";
import type { PostOutcome, Poster } from "../../src/core/poster.ts";
import { webhook_deliveries } from "../../src/webhooks/tables.ts";
import { openDatabase } from "../support/database.ts";
import { createReceiver } from "../support/receiver.ts";
import { attemptsOf, deliveriesOf, leaveDeliveries, leaveEndpoints, onlyDelivery, verifies } from "../support/webhooks.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

let connection: Connection;
beforeAll(async () => void (connection = await openDatabase()));
afterAll(() => connection.close());

/** A world whose queue is its own: what earlier tests left waiting is settled first. */
async function createQuietWorld(post_timeout_ms = 60_000) {
  await connection.db.execute(sql`update webhook_deliveries set status = 'canceled' where status in ('ready', 'scheduled', 'delivering')`);
  return createWorld({ db: connection.db, post_timeout_ms });
}

/** A run that is told to stop when the test is over. */
function runOf(world: World, poster: Poster = world.services.poster) {
  const stopping = new AbortController();
  const run = dispatchDeliveries({ ...world.services, poster }, { budget_ms: Infinity, signal: stopping.signal });
  const stop = () => (stopping.abort(), run);
  onTestFinished(async () => void (await stop()));
  return { run, stop };
}

describe("however many endpoints hang, somebody else's event is posted at once", () => {
  const hanging = 50;

  test.for<[string, (world: World) => Promise<Tenant[]>]>([
    ["all of one workspace", async (world) => Array<Tenant>(hanging).fill(await world.tenant())],
    ["each of another workspace", (world) => Promise.all(Array.from({ length: hanging }, () => world.tenant()))],
  ])("%s", { timeout: 60_000 }, async ([, ownersIn]) => {
    const world = await createQuietWorld(3000);
    const healthy = await world.tenant();
    const fast = await createReceiver(204);
    await healthy.endpoint(fast.url);
    const owners = await ownersIn(world);
    const slow = await Promise.all(owners.map(() => createReceiver(() => {})));
    for (const [n, { ctx }] of owners.entries()) {
      const [id] = await leaveEndpoints(ctx, slow[n]!.url, 1);
      await leaveDeliveries(ctx, id!, 60);
    }
    runOf(world);
    await vi.waitFor(() => expect(slow.every(({ received }) => received.length > 0)).toBe(true), { timeout: 10_000 });

    // While their first posts hang, and again when those have timed out and others have taken their place.
    for (const [n, pause_ms] of [0, 3500].entries()) {
      await sleep(pause_ms);
      const started_ms = performance.now();
      await healthy.hears("Hello");
      await vi.waitFor(() => expect(fast.received).toHaveLength(n + 1), { timeout: 10_000, interval: 5 });
      expect(performance.now() - started_ms, `event ${n + 1}`).toBeLessThan(1500);
    }
  });
});

/** Posts that the test ends. */
function postsToEnd() {
  const open: ((outcome: Partial<PostOutcome>) => void)[] = [];
  const answered = { status_code: 204, error: null, duration_ms: 1, response_headers: {}, response_body: "", remote_address: null };
  const poster: Poster = {
    roomAt: () => 1,
    close: async () => {},
    post: () => new Promise((resolve) => open.push((outcome) => resolve({ ...answered, ...outcome }))),
  };
  const endAll = (outcome: Partial<PostOutcome> = {}) => open.splice(0).forEach((end) => end(outcome));
  const opened = (count: number) => vi.waitFor(() => expect(open).toHaveLength(count), { timeout: 5000 });
  return { poster, open, endAll, opened };
}

const timed_out = { status_code: null, error: "timeout", duration_ms: 10_000 } as const;

test("an endpoint has the more posts on the wire the more it answers, and after timeouts one, also in the next run of the process", async () => {
  const world = await createQuietWorld();
  const tenant = await world.tenant();
  const [id] = await leaveEndpoints(tenant.ctx, "https://receiver.example.com/", 1);
  await leaveDeliveries(tenant.ctx, id!, 150);
  const { poster, endAll, opened } = postsToEnd();

  const first = runOf(world, poster);
  for (const places of [4, 8, 16, 32]) {
    await opened(places);
    endAll();
  }
  await opened(32);
  endAll(timed_out);
  await opened(1);
  const stopped = first.stop();
  endAll(timed_out);
  await stopped;

  // Another process has connections of its own, and has learnt nothing yet.
  const elsewhere = postsToEnd();
  const other = runOf(world, elsewhere.poster);
  await elsewhere.opened(4);
  const left = other.stop();
  elsewhere.endAll();
  await left;

  const last = runOf(world, poster);
  for (const places of [1, 2, 4, 8]) {
    await opened(places);
    endAll();
  }
  await opened(16);
  const done = last.stop();
  endAll();
  await done;
});

describe("endpoints that share a host", () => {
  /** One host: what does not answer by its path never does, and the rest after so long. */
  async function createHost(answer_ms: number) {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url!);
      request.resume();
      if (!request.url!.startsWith("/hangs")) setTimeout(() => response.writeHead(204).end(), answer_ms);
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
  }

  test("are not charged with what they wait for one another: who answers in time has not failed", { timeout: 60_000 }, async () => {
    const world = await createQuietWorld(1000);
    const { url, asked } = await createHost(700);
    const tenants = await Promise.all(Array.from({ length: 8 }, () => world.tenant()));
    for (const { ctx } of tenants) await leaveDeliveries(ctx, (await leaveEndpoints(ctx, `${url}/hook`, 1))[0]!, 24);
    const before = asked.length;
    await world.deliver();
    const all = (await Promise.all(tenants.map((tenant) => deliveriesOf(tenant)))).flat();
    expect(all.filter(({ last_error }) => last_error !== null)).toEqual([]);
    expect(all.every(({ status, attempts }) => status === "succeeded" && attempts === 1)).toBe(true);
    expect(asked.length - before).toBe(8 * 24);
  });

  test("leave one another half of it, even when many of them hang", { timeout: 60_000 }, async () => {
    const world = await createQuietWorld(3000);
    const { url, asked } = await createHost(20);
    const [owner, healthy] = [await world.tenant(), await world.tenant()];
    const ids = await leaveEndpoints(owner.ctx, `${url}/hangs`, 70);
    for (const id of ids) await leaveDeliveries(owner.ctx, id, 5);
    runOf(world);
    // What was begun before anything was known of them has timed out.
    await vi.waitFor(() => expect(asked).toHaveLength(64), { timeout: 5000 });
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(64), { timeout: 5000 });

    const { id } = await healthy.endpoint(`${url}/answers`);
    const started_ms = performance.now();
    await healthy.hears("Hello");
    await vi.waitFor(() => expect(asked).toContain("/answers"), { timeout: 5000, interval: 5 });
    expect(performance.now() - started_ms).toBeLessThan(1500);
    await vi.waitFor(async () => expect(await onlyDelivery(healthy)).toMatchObject({ status: "succeeded", attempts: 1 }), {
      timeout: 5000,
    });
    const [attempt] = await attemptsOf(healthy, (await onlyDelivery(healthy)).id);
    expect(attempt!.duration_ms).toBeLessThan(1000);
    expect((await healthy.get(`/v1/webhook_endpoints/${id}`)).body).toMatchObject({ status: "active" });
  });
});

describe("what waits for its turn when its endpoint is", () => {
  /** More wait than may be on the wire, and what is there hangs until it is let go. */
  async function setUp() {
    const world = await createQuietWorld();
    const tenant = await world.tenant();
    const held: ServerResponse[] = [];
    let is_open = false;
    const answer = (response: ServerResponse) => void response.writeHead(204).end();
    const receiver = await createReceiver((response) => (is_open ? answer(response) : held.push(response)));
    const { id } = await tenant.endpoint(receiver.url);
    const count = 40;
    await leaveDeliveries(tenant.ctx, id, count);
    const run = world.deliver();
    await vi.waitFor(() => expect(receiver.received.length).toBeGreaterThanOrEqual(4), { timeout: 5000 });
    await sleep(100);
    const begun = receiver.received.length;
    const rest = count - begun;
    /** Longer than what is known of an endpoint is believed. */
    const letGo = async () => {
      await sleep(300);
      is_open = true;
      held.forEach(answer);
      await run;
    };
    const statuses = async () => {
      const rows = await tenant.ctx.db.select().from(webhook_deliveries).where(mine(tenant.ctx, webhook_deliveries));
      return ["succeeded", "canceled"].map((status) => rows.filter((row) => row.status === status).length);
    };
    return { tenant, receiver, id, begun, rest, letGo, statuses };
  }

  test.for<[string, (tenant: Tenant, id: string) => Promise<{ status: number }>]>([
    ["deleted", (tenant, id) => tenant.delete(`/v1/webhook_endpoints/${id}`)],
    ["disabled", (tenant, id) => tenant.patch(`/v1/webhook_endpoints/${id}`, { enabled: false })],
  ])("%s is never posted: it is canceled", async ([, end]) => {
    const { tenant, receiver, id, begun, rest, letGo, statuses } = await setUp();
    expect((await end(tenant, id)).status).toBe(200);
    await letGo();
    expect(receiver.received).toHaveLength(begun);
    expect(await statuses()).toEqual([begun, rest]);
  });

  test("given another URL goes there", async () => {
    const { tenant, receiver, id, begun, rest, letGo } = await setUp();
    const fresh = await createReceiver(204);
    expect((await tenant.patch(`/v1/webhook_endpoints/${id}`, { url: fresh.url })).status).toBe(200);
    await letGo();
    expect([receiver.received.length, fresh.received.length]).toEqual([begun, rest]);
    const attempts = await Promise.all((await deliveriesOf(tenant)).map((delivery) => attemptsOf(tenant, delivery.id)));
    expect(attempts.flat().filter(({ url }) => url === fresh.url)).toHaveLength(rest);
  });

  test("given another secret is signed with that alone", async () => {
    const { tenant, receiver, begun, rest, letGo } = await setUp();
    const { body } = await tenant.post<{ secret: string }>("/v1/webhook_secret/rotate", { grace_period_seconds: 0 });
    await letGo();
    const later = receiver.received.slice(begun);
    expect(later).toHaveLength(rest);
    expect(later.filter((request) => verifies(tenant.webhook_secret, request))).toEqual([]);
    expect(later.every((request) => verifies(body.secret, request))).toBe(true);
  });
});
