import { describe, expect, test } from "vitest";
import { after, hours, msBetween, seconds } from "../../src/core/time.ts";
import { createReceiver } from "../support/receiver.ts";
import { attemptsOf, auditOf, breakAt, leaveDeliveries, onlyDelivery, replay, storedDelivery } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

/** A delivery that a receiver with these answers was sent once, unless `attempts` says that it had a longer life. */
async function setUp(replies: number[], { attempts }: { attempts?: number } = {}) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(...replies);
  const endpoint = await tenant.endpoint(receiver.url);
  if (attempts === undefined) await tenant.hears("Hello");
  else await leaveDeliveries(tenant.ctx, endpoint.id, 1, { attempts });
  await world.deliver();
  const delivery = await onlyDelivery(tenant);
  const replayed = async () => {
    const answer = await replay(tenant, delivery.id);
    await world.deliver();
    return { answer, delivery: await onlyDelivery(tenant) };
  };
  return { world, tenant, receiver, endpoint, delivery, replayed };
}

test("a replay is answered at once with 202 and made by the dispatcher, under the same delivery id", async () => {
  const { world, tenant, receiver, delivery } = await setUp([204]);
  world.woken.length = 0;
  const { status, body } = await replay(tenant, delivery.id);
  expect(status).toBe(202);
  expect(body).toMatchObject({ id: delivery.id, status: "pending", attempts: 1 });
  expect(msBetween(body.next_attempt_at!, world.now())).toBeLessThan(seconds(10));
  expect(world.woken).toEqual(["webhooks"]);
  expect(receiver.received).toHaveLength(1);

  await world.deliver();
  expect(receiver.received.map(({ headers }) => headers["webhook-id"])).toEqual([delivery.id, delivery.id]);
  expect(receiver.received[1]!.body).toBe(receiver.received[0]!.body);
});

test("its attempt is logged as manual, the others as automatic", async () => {
  const { world, tenant, delivery, replayed } = await setUp([500, 500, 500]);
  await replayed();
  world.advance(seconds(40));
  await world.deliver();
  expect((await attemptsOf(tenant, delivery.id)).map(({ number, trigger }) => [number, trigger])).toEqual([
    [1, "automatic"],
    [2, "manual"],
    [3, "automatic"],
  ]);
});

test("it is in the audit log", async () => {
  const { tenant, delivery } = await setUp([204]);
  await replay(tenant, delivery.id);
  expect((await auditOf(tenant)).at(-1)).toMatchObject({
    action: "webhook_delivery.replayed",
    target_id: delivery.id,
    actor_type: "api_key",
  });
});

test("one that fails at its audit entry is not made", async () => {
  const { world, tenant, receiver, delivery } = await setUp([204]);
  const mend = breakAt(world, "aud");
  expect((await replay(tenant, delivery.id)).status).toBe(500);
  mend();
  expect(await onlyDelivery(tenant)).toEqual(delivery);
  await world.deliver();
  expect(receiver.received).toHaveLength(1);
});

describe("of a delivery whose retry is waiting", () => {
  test("a success ends it", async () => {
    const { world, receiver, replayed } = await setUp([500, 204]);
    const { delivery } = await replayed();
    expect(delivery).toMatchObject({ status: "succeeded", attempts: 2, next_attempt_at: null, last_status_code: 204, last_error: null });
    world.advance(hours(24));
    await world.deliver();
    expect(receiver.received).toHaveLength(2);
  });

  test("a failure takes the next step of the schedule", async () => {
    const { world, delivery: before, replayed } = await setUp([500]);
    expect(msBetween(world.now(), before.next_attempt_at!)).toBeLessThanOrEqual(seconds(5.5));
    const { delivery } = await replayed();
    expect(delivery).toMatchObject({ status: "pending", attempts: 2, completed_at: null });
    const wait_ms = msBetween(delivery.last_attempt_at!, delivery.next_attempt_at!);
    expect(wait_ms).toBeGreaterThanOrEqual(seconds(30));
    expect(wait_ms).toBeLessThan(seconds(43));
  });

  test("a failure at the end of the schedule fails it", async () => {
    const { replayed } = await setUp([500], { attempts: 9 });
    const { delivery } = await replayed();
    expect(delivery).toMatchObject({ status: "failed", attempts: 11, next_attempt_at: null });
  });
});

describe("of a failed delivery", () => {
  test("a success makes it succeeded", async () => {
    const { world, delivery: before, replayed } = await setUp([500, 204], { attempts: 10 });
    expect(before.status).toBe("failed");
    world.advance(hours(48));
    const { delivery } = await replayed();
    expect(delivery).toMatchObject({ status: "succeeded", attempts: 12 });
    expect(delivery.completed_at! > before.completed_at!).toBe(true);
  });

  test("a failure leaves it failed since it failed, and nothing is tried again", async () => {
    const { world, receiver, delivery: before, replayed } = await setUp([500], { attempts: 10 });
    const { delivery } = await replayed();
    expect(delivery).toMatchObject({ status: "failed", attempts: 12, completed_at: before.completed_at, next_attempt_at: null });
    world.advance(hours(24));
    await world.deliver();
    expect(receiver.received).toHaveLength(2);
  });
});

describe("of a delivery that succeeded", () => {
  test("a success leaves it succeeded", async () => {
    const { replayed } = await setUp([204]);
    expect((await replayed()).delivery).toMatchObject({ status: "succeeded", attempts: 2 });
  });

  test("a failure leaves it succeeded, and shows in its last attempt", async () => {
    const { world, receiver, delivery: before, replayed } = await setUp([204, 500]);
    const { delivery } = await replayed();
    expect(delivery).toMatchObject({
      status: "succeeded",
      attempts: 2,
      completed_at: before.completed_at,
      last_status_code: 500,
      last_error: "non_2xx",
      next_attempt_at: null,
    });
    world.advance(hours(24));
    await world.deliver();
    expect(receiver.received).toHaveLength(2);
  });

  test("410 leaves it succeeded, and disables the endpoint all the same", async () => {
    const { tenant, endpoint, replayed } = await setUp([204, 410]);
    expect((await replayed()).delivery).toMatchObject({ status: "succeeded" });
    expect((await tenant.get(`/v1/webhook_endpoints/${endpoint.id}`)).body).toMatchObject({ enabled: false, disabled_reason: "gone" });
  });
});

test("it can be asked for again and again", async () => {
  const { tenant, receiver, delivery, replayed } = await setUp([204]);
  for (let i = 0; i < 3; i++) expect((await replayed()).answer.status).toBe(202);
  expect(receiver.received).toHaveLength(4);
  expect((await attemptsOf(tenant, delivery.id)).map(({ trigger }) => trigger)).toEqual(["automatic", "manual", "manual", "manual"]);
});

test.for<[string, number[], number | undefined, string]>([
  ["a failed delivery is still failed", [500], 10, "failed"],
  ["a succeeded delivery is still succeeded", [204, 500], undefined, "succeeded"],
])("asked for twice before it ran it is made once, and after its failure %s", async ([, replies, attempts, status]) => {
  const { world, tenant, receiver, delivery } = await setUp(replies, attempts === undefined ? {} : { attempts });
  const answers = [await replay(tenant, delivery.id), await replay(tenant, delivery.id)];
  expect(answers.map((answer) => answer.status)).toEqual([202, 202]);
  await world.deliver();
  expect(receiver.received).toHaveLength(2);
  expect(await onlyDelivery(tenant)).toMatchObject({ status, completed_at: delivery.completed_at });
});

test("two at once are one attempt", async () => {
  const { world, tenant, receiver, delivery } = await setUp([204]);
  const answers = await Promise.all([replay(tenant, delivery.id), replay(tenant, delivery.id)]);
  expect(answers.map((answer) => answer.status)).toEqual([202, 202]);
  await world.deliver();
  expect(receiver.received).toHaveLength(2);
});

test("of a delivery that was never tried it is the first attempt", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(500);
  await tenant.endpoint(receiver.url);
  await tenant.hears("Hello");
  const { id } = await onlyDelivery(tenant);
  await replay(tenant, id);
  await world.deliver();
  expect(receiver.received).toHaveLength(1);
  expect(await attemptsOf(tenant, id)).toMatchObject([{ number: 1, trigger: "manual" }]);
  expect(await storedDelivery(tenant, id)).toMatchObject({ status: "scheduled", trigger: "automatic" });
});

test("while an attempt is running it is refused, and the attempt is not disturbed", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const asked: Awaited<ReturnType<typeof replay>>[] = [];
  const receiver = await createReceiver(async (response) => {
    asked.push(await replay(tenant, (await onlyDelivery(tenant)).id));
    response.writeHead(204).end();
  });
  await tenant.endpoint(receiver.url);
  await tenant.hears("Hello");
  await world.deliver();

  expect(asked).toMatchObject([{ status: 409, body: { code: "delivery_in_progress" } }]);
  expect(await onlyDelivery(tenant)).toMatchObject({ status: "succeeded", attempts: 1 });
  await world.deliver();
  expect(receiver.received).toHaveLength(1);
});

test("of an endpoint that answered 410 it is refused", async () => {
  const { tenant, delivery } = await setUp([410]);
  expect(await replay(tenant, delivery.id)).toMatchObject({ status: 409, body: { code: "endpoint_disabled" } });
  expect(await onlyDelivery(tenant)).toEqual(delivery);
});

test("another workspace's delivery, a missing one and a malformed id are all not found", async () => {
  const { world, tenant, receiver, delivery } = await setUp([204]);
  const stranger = await world.tenant();
  for (const id of [delivery.id, world.services.newId("dlv"), "dlv_nonsense"]) {
    expect(await replay(stranger, id)).toMatchObject({ status: 404, body: { code: "not_found" } });
  }
  expect(await onlyDelivery(tenant)).toEqual(delivery);
  await world.deliver();
  expect(receiver.received).toHaveLength(1);
});

test("it takes no body but an empty one", async () => {
  const { tenant, delivery } = await setUp([204]);
  const answer = await tenant.post(`/v1/webhook_deliveries/${delivery.id}/replay`, { trigger: "automatic" });
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: "/trigger", code: "unknown_field" }] } });
});

test("a worker that dies over it leaves it manual, and to be made again", async () => {
  const { world, tenant, receiver, delivery } = await setUp([204, 500]);
  await replay(tenant, delivery.id);
  const mend = breakAt(world, "att");
  await expect(world.deliver()).rejects.toThrow("500");
  mend();
  world.advance(seconds(61));
  await world.deliver();
  expect(receiver.received).toHaveLength(3);
  expect((await attemptsOf(tenant, delivery.id)).at(-1)).toMatchObject({ number: 2, trigger: "manual" });
  expect(await onlyDelivery(tenant)).toMatchObject({ status: "succeeded" });
});

test("of a retry that was moved far into the future it is made at once", async () => {
  const { world, tenant, endpoint, receiver } = await setUp([204]);
  const [far] = await leaveDeliveries(tenant.ctx, endpoint.id, 1, {
    status: "scheduled",
    attempts: 9,
    due_at: after(world.now(), hours(7)),
  });
  await replay(tenant, far!);
  await world.deliver();
  expect(receiver.received.at(-1)!.headers).toMatchObject({ "webhook-id": far, "wassla-attempt": "10" });
});
