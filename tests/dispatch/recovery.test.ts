import { describe, expect, test } from "vitest";
import { after, hours, minutes, msBetween, seconds } from "../../src/core/time.ts";
import type { WebhookEndpoint } from "../../src/webhooks/contract.ts";
import { createReceiver } from "../support/receiver.ts";
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

describe("the first success after failures", () => {
  test("brings the endpoint's waiting retries forward, spread over half a minute", async () => {
    const { world, tenant, receiver, id, event } = await setUp(500, 204);
    await event();
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
    expect(receiver.received).toHaveLength(2 + 60 + 1 + 1);
    expect((await deliveriesOf(tenant)).every(({ status }) => status === "succeeded")).toBe(true);
  });

  test("leaves the retries of other endpoints where they are", async () => {
    const { world, tenant, event } = await setUp(500, 204);
    const { id: other } = await tenant.endpoint("http://127.0.0.1:9/hook", { channels: ["instagram"] });
    const due_at = after(world.now(), hours(4));
    const [theirs] = await leaveDeliveries(tenant.ctx, other, 1, { status: "scheduled", due_at });
    await event();
    await event();
    expect(await storedDelivery(tenant, theirs!)).toMatchObject({ due_at });
  });

  test("is the only one that does: a success of an endpoint that works moves nothing", async () => {
    const { world, tenant, id, event } = await setUp(204);
    const due_at = after(world.now(), minutes(10));
    const [waiting] = await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at });
    await event();
    expect(await storedDelivery(tenant, waiting!)).toMatchObject({ due_at });
  });

  test("is not a failure: another failure moves nothing", async () => {
    const { world, tenant, id, event } = await setUp(500);
    await event();
    const due_at = after(world.now(), minutes(10));
    const [waiting] = await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at });
    await event();
    expect(await storedDelivery(tenant, waiting!)).toMatchObject({ due_at });
  });
});
