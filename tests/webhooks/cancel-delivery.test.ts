import { expect, test } from "vitest";
import { after, hours } from "../../src/core/time.ts";
import { createReceiver } from "../support/receiver.ts";
import { auditOf, breakAt, leaveDeliveries, replay, storedDelivery } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const cancel = (tenant: Tenant, id: string) => tenant.post(`/v1/webhook_deliveries/${id}/cancel`);

async function setUp(given: Parameters<typeof leaveDeliveries>[3] = {}) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(204);
  const { id: endpoint_id } = await tenant.endpoint(receiver.url);
  const [id] = await leaveDeliveries(tenant.ctx, endpoint_id, 1, given);
  return { world, tenant, receiver, id: id! };
}

const in_an_hour = () => after(new Date().toISOString(), hours(1));

test.for<[string, Parameters<typeof leaveDeliveries>[3]]>([
  ["has not been tried", {}],
  ["waits for its next attempt", { status: "scheduled", attempts: 2, due_at: in_an_hour() }],
])("a delivery that %s is canceled, and never made", async ([, given]) => {
  const { world, tenant, receiver, id } = await setUp(given);
  const { status, body } = await cancel(tenant, id);
  expect(status).toBe(200);
  expect(body).toMatchObject({ id, status: "canceled", next_attempt_at: null });
  expect(body["completed_at"]).not.toBeNull();
  world.advance(hours(2));
  await world.deliver();
  expect(receiver.received).toEqual([]);
  expect((await cancel(tenant, id)).body, "asked again it changes nothing").toEqual(body);
  expect((await auditOf(tenant)).filter(({ action }) => action === "webhook_delivery.canceled")).toMatchObject([{ target_id: id }]);
});

test.for(["succeeded", "failed", "canceled"] as const)("a replay that waits is taken back: its delivery stays %s", async (status) => {
  const { world, tenant, receiver, id } = await setUp({ status, attempts: 1, completed_at: "2026-11-01T00:00:00.000Z" });
  await replay(tenant, id);
  expect((await cancel(tenant, id)).body).toMatchObject({ status, completed_at: "2026-11-01T00:00:00.000Z" });
  await world.deliver();
  expect(receiver.received).toEqual([]);
  expect(await storedDelivery(tenant, id)).toMatchObject({ status, resting_status: null, trigger: "automatic" });
});

test("one that was canceled can be replayed", async () => {
  const { world, tenant, receiver, id } = await setUp();
  await cancel(tenant, id);
  await replay(tenant, id);
  await world.deliver();
  expect(receiver.received).toHaveLength(1);
  expect(await storedDelivery(tenant, id)).toMatchObject({ status: "succeeded" });
});

test.for(["succeeded", "failed"] as const)("of one that has %s nothing waits that could be canceled", async (status) => {
  const { tenant, id } = await setUp({ status, completed_at: "2026-11-01T00:00:00.000Z" });
  const before = await storedDelivery(tenant, id);
  expect(await cancel(tenant, id)).toMatchObject({ status: 409, body: { code: "invalid_status_transition", allowed: [] } });
  expect(await storedDelivery(tenant, id)).toEqual(before);
});

test("an attempt that is running cannot be taken back", async () => {
  const { world, tenant, id } = await setUp();
  const receiver = await createReceiver(async (response) => {
    answer = await cancel(tenant, running!);
    response.writeHead(204).end();
  });
  let answer: unknown;
  const endpoint = await tenant.endpoint(receiver.url);
  const [running] = await leaveDeliveries(tenant.ctx, endpoint.id, 1);
  await world.deliver();
  expect(answer).toMatchObject({ status: 409, body: { code: "delivery_in_progress" } });
  expect(await storedDelivery(tenant, running!)).toMatchObject({ status: "succeeded" });
  expect(await storedDelivery(tenant, id)).toMatchObject({ status: "succeeded" });
});

test("one that fails at its audit entry is not canceled", async () => {
  const { world, tenant, id } = await setUp();
  const mend = breakAt(world, "aud");
  expect((await cancel(tenant, id)).status).toBe(500);
  mend();
  expect(await storedDelivery(tenant, id)).toMatchObject({ status: "ready" });
});
