import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { after, hours, minutes, msBetween, seconds, type Timestamp } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import type { WebhookEndpoint } from "../../src/webhooks/contract.ts";
import { webhook_deliveries, webhook_endpoints } from "../../src/webhooks/tables.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { deliveriesOf, leaveDeliveries, storedDelivery } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const endpointOf = async (tenant: Tenant, id: string) => (await tenant.get<WebhookEndpoint>(`/v1/webhook_endpoints/${id}`)).body;

async function setUp(...replies: number[]) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(...replies);
  const { id } = await tenant.endpoint(receiver.url);
  const event = async () => {
    await tenant.hears("Hello");
    await world.deliver();
  };
  return { world, tenant, receiver, id, event };
}

describe("an endpoint", () => {
  test("is failing since the first of the failures in a row, and active again with the first success", async () => {
    const { world, tenant, id, event } = await setUp(500, 503, 204);
    expect(await endpointOf(tenant, id)).toMatchObject({ status: "active", failing_since: null });

    const before = world.now();
    await event();
    const first = await endpointOf(tenant, id);
    expect(first).toMatchObject({ status: "failing", enabled: true });
    expect(first.failing_since! >= before && first.failing_since! <= world.now()).toBe(true);

    world.advance(seconds(1));
    await event();
    expect(await endpointOf(tenant, id)).toEqual(first);

    await event();
    expect(await endpointOf(tenant, id)).toMatchObject({ status: "active", failing_since: null });
  });

  test("that fails for a day goes on being told of new events", async () => {
    const { world, tenant, receiver, id, event } = await setUp(500);
    await event();
    world.advance(hours(25));
    await event();
    expect(await endpointOf(tenant, id)).toMatchObject({ status: "failing", enabled: true });
    expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(2);
  });

  test.for<[number, number, string]>([
    [500, 204, "active"],
    [204, 500, "failing"],
  ])("whose attempts end together, the first with %i and the last with %i, is %s", async ([first, last, status]) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const count = 20;
    const receiver = await createReceiver((response) => {
      if (receiver.received.length < count) return response.writeHead(first).end();
      return setTimeout(() => response.writeHead(last).end(), 50);
    });
    const { id } = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, id, count);
    await world.deliver();
    expect(await endpointOf(tenant, id)).toMatchObject({ status });
  });
});

describe("the first success after an outage", () => {
  /** Nothing gets through for three minutes. */
  async function setUpOutage() {
    const all = await setUp(500, 204);
    await all.event();
    all.world.advance(minutes(3));
    return all;
  }

  test("brings the endpoint's waiting retries forward, spread over half a minute", async () => {
    const { world, tenant, receiver, id, event } = await setUpOutage();
    const waiting = await leaveDeliveries(tenant.ctx, id, 60, { status: "scheduled", attempts: 8, due_at: after(world.now(), hours(4)) });
    const soon = after(world.now(), seconds(20));
    const [sooner] = await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", attempts: 1, due_at: soon });

    await event();
    const now = world.now();
    const dues = await Promise.all(waiting.map(async (delivery) => msBetween(now, (await storedDelivery(tenant, delivery)).due_at)));
    expect(Math.max(...dues)).toBeLessThanOrEqual(seconds(30));
    expect(Math.max(...dues) - Math.min(...dues)).toBeGreaterThan(seconds(10));
    expect((await storedDelivery(tenant, sooner!)).due_at <= soon).toBe(true);

    world.advance(seconds(31));
    await world.deliver();
    expect(receiver.received).toHaveLength(3 + 60 + 1);
    expect((await deliveriesOf(tenant)).every(({ status }) => status === "succeeded")).toBe(true);
  });

  test("leaves the retries of other endpoints where they are", async () => {
    const { world, tenant, event } = await setUpOutage();
    const { id: other } = await tenant.endpoint("http://127.0.0.1:9/hook", { channels: ["instagram"] });
    const due_at = after(world.now(), hours(4));
    const [theirs] = await leaveDeliveries(tenant.ctx, other, 1, { status: "scheduled", due_at });
    await event();
    expect(await storedDelivery(tenant, theirs!)).toMatchObject({ due_at });
  });

  test("brings nothing to before the moment that the receiver asked for", async () => {
    const { world, tenant, id, event } = await setUpOutage();
    const [due_at, asked] = [after(world.now(), hours(4)), after(world.now(), hours(1))];
    const [patient] = await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at, not_before: due_at });
    const [sooner] = await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at, not_before: asked });
    await event();
    expect(await storedDelivery(tenant, patient!)).toMatchObject({ due_at });
    expect(await storedDelivery(tenant, sooner!)).toMatchObject({ due_at: asked });
  });

  test("is the only one that does: a success of an endpoint that works moves nothing, nor one after a failure that was alone", async () => {
    const { world, tenant, id, event } = await setUp(204, 500, 204);
    const due_at = after(world.now(), minutes(10));
    const [waiting] = await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at });
    for (let events = 0; events < 3; events++) {
      await event();
      world.advance(seconds(1));
    }
    expect(await endpointOf(tenant, id)).toMatchObject({ status: "active" });
    expect(await storedDelivery(tenant, waiting!)).toMatchObject({ due_at });
  });

  test("is not a failure: another failure moves nothing", async () => {
    const { world, tenant, receiver, id, event } = await setUpOutage();
    receiver.replies.splice(0, 2, 500);
    const due_at = after(world.now(), minutes(10));
    const [waiting] = await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at });
    await event();
    expect(await storedDelivery(tenant, waiting!)).toMatchObject({ due_at });
  });

  test("brings forward a thousand at a time, all of them in the same run", { timeout: 60_000 }, async () => {
    const { world, tenant, id, event } = await setUpOutage();
    const far = after(world.now(), hours(4));
    await leaveDeliveries(tenant.ctx, id, 1000, { status: "scheduled", attempts: 8, due_at: far });
    await leaveDeliveries(tenant.ctx, id, 1000, { status: "scheduled", attempts: 8, due_at: far });
    await leaveDeliveries(tenant.ctx, id, 100, { status: "scheduled", attempts: 8, due_at: far });
    const still_far = async () => (await rowsOf(tenant, webhook_deliveries)).filter(({ due_at }) => due_at === far).length;

    await event();
    expect(await still_far()).toBe(0);
    expect((await rowsOf(tenant, webhook_endpoints))[0]).toMatchObject({ recovered_at: null, tend_at: null });
  });

  test("does not go on bringing forward what waits for an endpoint that has failed since", async () => {
    const { world, tenant, id, event, receiver } = await setUpOutage();
    const far = after(world.now(), hours(4));
    for (const count of [1000, 500]) await leaveDeliveries(tenant.ctx, id, count, { status: "scheduled", attempts: 8, due_at: far });
    receiver.replies.splice(0, 2, 500);
    await tenant.ctx.db
      .update(webhook_endpoints)
      .set({ failing_since: null, recovered_at: world.now(), tend_at: after(world.now(), hours(1)) })
      .where(mine(tenant.ctx, webhook_endpoints));
    await event();
    world.advance(hours(1));
    await world.deliver();
    expect((await rowsOf(tenant, webhook_deliveries)).filter(({ due_at }) => due_at === far)).toHaveLength(1500);
  });
});

describe("a delivery that an endpoint refuses while it accepts others", () => {
  /** The first delivery is refused, the others get through; one comes every so often. */
  async function refuseOne(every_ms: number, refusal: (response: ServerResponse) => unknown, for_ms = hours(26)) {
    const world = await createWorld();
    const tenant = await world.tenant();
    let refused: string | undefined;
    const tried: Timestamp[] = [];
    const receiver = await createReceiver((response, { headers }) => {
      refused ??= headers["webhook-id"] as string;
      if (headers["webhook-id"] !== refused) return response.writeHead(204).end();
      tried.push(world.now());
      return refusal(response);
    });
    const { id } = await tenant.endpoint(receiver.url);
    const begun = world.now();
    for (let passed_ms = 0; passed_ms < for_ms; passed_ms += every_ms) {
      await leaveDeliveries(tenant.ctx, id, 1);
      for (const half of [every_ms / 2, every_ms / 2]) {
        await world.deliver();
        world.advance(half);
      }
    }
    return { delivery: await storedDelivery(tenant, refused!), waits: tried.map((at) => msBetween(begun, at)) };
  }
  const refuse = (response: ServerResponse) => response.writeHead(500).end();

  test("keeps to its schedule", { timeout: 60_000 }, async () => {
    const { delivery, waits } = await refuseOne(seconds(90), refuse, hours(1));
    expect(delivery).toMatchObject({ status: "scheduled", attempts: 6, extra_attempts: 0 });
    expect(waits.at(-1)).toBeGreaterThan(minutes(42));
  });

  test(
    "is brought forward once for each of its steps where others come too seldom to tell, and takes each of them all the same",
    { timeout: 60_000 },
    async () => {
      const { delivery, waits } = await refuseOne(minutes(20), refuse);
      expect(delivery.status).toBe("failed");
      expect(delivery.attempts - delivery.extra_attempts).toBe(11);
      expect(delivery.extra_attempts).toBeGreaterThan(3);
      expect(delivery.extra_attempts).toBeLessThanOrEqual(10);
      expect(waits.at(-1)).toBeGreaterThan(hours(21));
      expect(waits.at(-1)).toBeLessThanOrEqual(hours(24) + minutes(20));
    },
  );

  test("is not asked again before the moment that it asked for", { timeout: 60_000 }, async () => {
    const busy = (response: ServerResponse) => response.writeHead(429, { "Retry-After": "3600" }).end();
    const { waits } = await refuseOne(minutes(10), busy, hours(3));
    for (const [n, wait] of waits.slice(1).entries()) expect(wait - waits[n]!).toBeGreaterThanOrEqual(hours(1));
    expect(waits.length).toBeGreaterThan(2);
  });
});
