import { describe, expect, test } from "vitest";
import { after, hours, minutes } from "../../src/core/time.ts";
import { revive } from "../../src/db/lease.ts";
import { deliveryQueue } from "../../src/dispatch/claim-deliveries.ts";
import { EventName, type EndpointStats, type WebhookEndpoint, type WebhookTest } from "../../src/webhooks/contract.ts";
import { assertMatches, document } from "../support/document.ts";
import { createReceiver } from "../support/receiver.ts";
import { attemptsOf, breakAt, deliveriesOf, onlyDelivery, replay, storedDelivery, verifies } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const run = (tenant: Tenant, id: string, body?: object, headers?: Record<string, string>) =>
  tenant.post<WebhookTest>(`/v1/webhook_endpoints/${id}/test`, body, { ...(headers && { headers }) });

async function setUp(...replies: Parameters<typeof createReceiver>) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(...replies);
  const { id } = await tenant.endpoint(receiver.url);
  return { world, tenant, receiver, id };
}

describe("a test", () => {
  test.each(EventName.options)("posts an example of %s, signed like any delivery, and answers with what came of it", async (event_type) => {
    const { tenant, receiver, id } = await setUp((response) => response.writeHead(200).end("thanks"));
    const { status, body } = await run(tenant, id, { event_type });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      object: "webhook_test",
      delivery: { endpoint_id: id, event_type, status: "succeeded", attempts: 1, last_status_code: 200 },
      attempt: { trigger: "test", number: 1, status_code: 200, error: null, response_body: "thanks" },
    });
    const [request] = receiver.received;
    expect(verifies(tenant.webhook_secret, request!)).toBe(true);
    expect(request!.headers["webhook-id"]).toBe(body.delivery.id);
    const { requestBody } = document.webhooks[event_type]!.post as { requestBody: { content: Record<string, { schema: object }> } };
    assertMatches(requestBody.content["application/json"]!.schema, JSON.parse(request!.body), event_type);
  });

  test("without a type posts the first that the endpoint is told of", async () => {
    const { tenant, receiver, id } = await setUp(204);
    await run(tenant, id);
    expect(receiver.received[0]!.headers["wassla-event"]).toBe("new_message");
  });

  test("that fails has failed: it is not tried again", async () => {
    const { world, tenant, receiver, id } = await setUp(500);
    const { body } = await run(tenant, id);
    expect(body).toMatchObject({ delivery: { status: "failed", attempts: 1, next_attempt_at: null }, attempt: { error: "non_2xx" } });
    expect(body.delivery.completed_at).not.toBeNull();
    world.advance(minutes(10));
    await world.deliver();
    expect(receiver.received).toHaveLength(1);
  });

  test("of an address that is not let through says so, and no more", async () => {
    const world = await createWorld({ network: { allow_private_webhooks: false, resolve: async () => ["93.184.215.14"] } });
    const tenant = await world.tenant();
    const { id } = await tenant.endpoint("https://hooks.example.com/");
    world.services.network.resolve = async () => ["10.0.0.7"];
    const { body } = await run(tenant, id);
    expect(body).toMatchObject({ delivery: { status: "failed" }, attempt: { error: "blocked_address", remote_address: null } });
  });

  test("works on a disabled endpoint, so that one can see whether it is mended", async () => {
    const { tenant, receiver, id } = await setUp(204);
    await tenant.patch(`/v1/webhook_endpoints/${id}`, { enabled: false });
    expect((await run(tenant, id)).body).toMatchObject({ delivery: { status: "succeeded" } });
    expect(receiver.received).toHaveLength(1);
  });

  test("of a receiver that is gone disables the endpoint", async () => {
    const { tenant, id } = await setUp(410);
    await run(tenant, id);
    expect((await tenant.get(`/v1/webhook_endpoints/${id}`)).body).toMatchObject({ enabled: false, disabled_reason: "gone" });
  });

  test("did not happen: no feed, no rate and no bulk replay knows it", async () => {
    const { world, tenant, receiver, id } = await setUp(500);
    await run(tenant, id);
    expect((await tenant.get<{ data: unknown[] }>("/v1/events")).body.data).toEqual([]);
    expect((await tenant.get(`/v1/webhook_endpoints/${id}/stats`)).body).toMatchObject({ last_24_hours: { attempts: 0 } });
    const other = await tenant.endpoint("http://127.0.0.1:9/other");
    const since = after(world.now(), -minutes(5));
    await tenant.post(`/v1/webhook_endpoints/${id}/replay`, { deliveries: "failed", since });
    await tenant.post(`/v1/webhook_endpoints/${other.id}/replay`, { deliveries: "missing", since });
    await world.workJobs();
    await world.deliver();
    expect(receiver.received).toHaveLength(1);
    expect(await deliveriesOf(tenant)).toHaveLength(1);
  });

  test("can be replayed, which is another test", async () => {
    const { world, tenant, receiver, id } = await setUp(500, 204);
    const { body } = await run(tenant, id);
    await tenant.post(`/v1/webhook_deliveries/${body.delivery.id}/replay`);
    await world.deliver();
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "succeeded", attempts: 2 });
    expect(receiver.received[1]!.body).toBe(receiver.received[0]!.body);
    expect((await attemptsOf(tenant, body.delivery.id)).map(({ trigger }) => trigger)).toEqual(["test", "test"]);
  });

  test("does not say how the endpoint fares, whether it fails or succeeds, and nor does its replay", async () => {
    const { world, tenant, id } = await setUp(500, 500, 500, 204);
    const fares = async () => {
      const { last_24_hours } = (await tenant.get<EndpointStats>(`/v1/webhook_endpoints/${id}/stats`)).body;
      const { status } = (await tenant.get<WebhookEndpoint>(`/v1/webhook_endpoints/${id}`)).body;
      return { status, attempts: last_24_hours.attempts };
    };
    const { body } = await run(tenant, id);
    expect(await fares()).toEqual({ status: "active", attempts: 0 });
    await replay(tenant, body.delivery.id);
    await world.deliver();
    expect(await fares()).toEqual({ status: "active", attempts: 0 });

    await tenant.hears("Hello");
    await world.deliver();
    expect(await fares()).toEqual({ status: "failing", attempts: 1 });
    expect((await run(tenant, id)).body.delivery.status).toBe("succeeded");
    expect(await fares()).toEqual({ status: "failing", attempts: 1 });
  });

  test.for([false, true])("whose process died is tried once more at most, replayed before (%s) or not", async (is_replayed) => {
    const { world, tenant, receiver, id } = await setUp(500);
    const mend = breakAt(world, "att");
    await run(tenant, id);
    mend();
    const { id: delivery } = await onlyDelivery(tenant);
    world.advance(minutes(2));
    await revive(world.services.db, deliveryQueue, world.now());
    if (is_replayed) expect((await replay(tenant, delivery)).status).toBe(202);
    await world.deliver();
    expect(await storedDelivery(tenant, delivery)).toMatchObject({ status: "failed", attempts: 1 });
    world.advance(hours(24));
    await world.deliver();
    expect(receiver.received).toHaveLength(2);
  });

  test("whose process died is not sent to an endpoint that has been deleted since", async () => {
    const { world, tenant, receiver, id } = await setUp(500);
    const mend = breakAt(world, "att");
    await run(tenant, id);
    mend();
    await tenant.delete(`/v1/webhook_endpoints/${id}`);
    world.advance(minutes(2));
    await world.deliver();
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "canceled", attempts: 0 });
    expect(receiver.received).toHaveLength(1);
  });

  test("asked for twice under one Idempotency-Key is posted once", async () => {
    const { tenant, receiver, id } = await setUp(204);
    const headers = { "Idempotency-Key": "test-1" };
    const first = await run(tenant, id, {}, headers);
    const second = await run(tenant, id, {}, headers);
    expect(second.body).toEqual(first.body);
    expect(receiver.received).toHaveLength(1);
  });

  test("whose process dies over it is made by a dispatcher when its lease is over, once", async () => {
    const { world, tenant, receiver, id } = await setUp(500, 204);
    const mend = breakAt(world, "att");
    expect((await run(tenant, id)).status).toBe(500);
    mend();
    const delivery = await onlyDelivery(tenant);
    expect(delivery.status).toBe("delivering");
    world.advance(minutes(2));
    await world.deliver();
    expect(await storedDelivery(tenant, delivery.id)).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(receiver.received).toHaveLength(2);
  });

  test("of another workspace's endpoint, a missing or a deleted one is not found", async () => {
    const { world, tenant, id } = await setUp(204);
    const stranger = await world.tenant();
    await tenant.delete(`/v1/webhook_endpoints/${id}`);
    for (const answer of [await run(stranger, id), await run(tenant, id), await run(tenant, world.services.newId("whe"))])
      expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  test("of an event that there is none is refused", async () => {
    const { tenant, receiver, id } = await setUp(204);
    expect(await run(tenant, id, { event_type: "agent.handoff" })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/event_type", code: "not_allowed" }] },
    });
    expect([receiver.received, await deliveriesOf(tenant)]).toEqual([[], []]);
  });
});
