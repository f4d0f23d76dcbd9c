import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Bell } from "../../src/core/bell.ts";
import type { TxCtx } from "../../src/core/context.ts";
import type { Id } from "../../src/core/ids.ts";
import { after, hours, seconds } from "../../src/core/time.ts";
import { atomically } from "../../src/db/atomically.ts";
import type { Connection } from "../../src/db/connect.ts";
import { deleteEndpoint } from "../../src/webhooks/delete-endpoint.ts";
import { liveEndpoint } from "../../src/webhooks/find-endpoint.ts";
import { webhook_deliveries } from "../../src/webhooks/tables.ts";
import { updateEndpoint } from "../../src/webhooks/update-endpoint.ts";
import { onPostgres, openDatabase } from "../support/database.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { deliveriesOf, leaveDeliveries, onlyDelivery, replay, storedDelivery } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

let connection: Connection;
beforeAll(async () => void (connection = await openDatabase()));
afterAll(() => connection.close());

async function setUp(...replies: Parameters<typeof createReceiver>) {
  const world = await createWorld({ db: connection.db });
  const tenant = await world.tenant();
  const receiver = await createReceiver(...replies);
  const { id } = await tenant.endpoint(receiver.url);
  return { world, tenant, receiver, id, path: `/v1/webhook_endpoints/${id}` };
}

const countOf = async (tenant: Tenant, status: string) =>
  (await rowsOf(tenant, webhook_deliveries)).filter((row) => row.status === status).length;

describe("an endpoint for which a mountain waits", () => {
  async function leaveMountain(status: "ready" | "scheduled") {
    const all = await setUp(204);
    const due_at = after(all.world.now(), status === "ready" ? -seconds(60) : hours(4));
    for (const count of [1000, 1000, 300])
      await leaveDeliveries(all.tenant.ctx, all.id, count, { status, due_at, attempts: status === "ready" ? 0 : 5 });
    return all;
  }

  test.for(["ready", "scheduled"] as const)(
    "of deliveries that are %s is deleted at once; it is canceled a thousand at a time",
    async (status) => {
      const { world, tenant, receiver, path } = await leaveMountain(status);
      expect(await tenant.delete(path)).toMatchObject({ status: 200 });
      expect(await countOf(tenant, "canceled")).toBe(1000);
      expect(await countOf(tenant, status)).toBe(1300);
      world.advance(seconds(6));
      // One run goes on until nothing is left.
      await world.deliver();
      expect(await countOf(tenant, "canceled")).toBe(2300);
      expect(receiver.received).toEqual([]);
    },
  );

  test.for(["ready", "scheduled"] as const)(
    "of deliveries that are %s gives out none of it when it is enabled again, and what is new is delivered",
    { timeout: 60_000 },
    async (status) => {
      const { world, tenant, receiver, path } = await leaveMountain(status);
      await tenant.patch(path, { enabled: false });
      expect((await tenant.patch(path, { enabled: true })).body).toMatchObject({ status: "active" });
      await tenant.hears("Hello");
      world.advance(hours(5));
      await world.deliver();
      expect(receiver.received).toHaveLength(1);
      expect(await countOf(tenant, "canceled")).toBe(2300);
      expect(await countOf(tenant, "succeeded")).toBe(1);
    },
  );
});

test("what was canceled with its endpoint can be replayed when that is enabled again, once, and is canceled again when that fails", async () => {
  const { world, tenant, receiver, id, path } = await setUp(500);
  // Of so many the first is among those that are canceled later.
  await leaveDeliveries(tenant.ctx, id, 1000, { status: "scheduled", due_at: after(world.now(), hours(1)) });
  const [left] = await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled", due_at: after(world.now(), hours(2)) });
  await tenant.patch(path, { enabled: false });
  await tenant.patch(path, { enabled: true });
  const [waits] = (await rowsOf(tenant, webhook_deliveries)).filter(({ status }) => status === "scheduled");
  expect((await replay(tenant, waits!.id)).status).toBe(202);
  await world.deliver();
  expect(receiver.received).toHaveLength(1);
  expect(await storedDelivery(tenant, waits!.id)).toMatchObject({ status: "canceled", attempts: 1 });
  world.advance(hours(3));
  await world.deliver();
  expect(receiver.received).toHaveLength(1);
  expect(await storedDelivery(tenant, left!)).toMatchObject({ status: "canceled" });
});

// PGlite has one connection: there nothing happens while a transaction is open.
describe.skipIf(!onPostgres())("while somebody changes an endpoint", () => {
  /** Holds the endpoint as a change does until it is told to go on. */
  async function hold({ ctx }: Tenant, endpoint_id: Id<"whe">, then: (tx: TxCtx) => unknown = () => {}) {
    const go_on = new Bell();
    const is_held = new Bell();
    const done = atomically(ctx, async (tx) => {
      await liveEndpoint(tx, endpoint_id, { lock: "update" });
      is_held.ring();
      await go_on.heard(10_000);
      await then(tx);
    });
    await is_held.heard(5000);
    return async () => {
      go_on.ring();
      await done;
    };
  }

  test("messages are stored, with their deliveries", async () => {
    const { tenant, id } = await setUp(204);
    const letGo = await hold(tenant, id);
    await tenant.hears("Hello");
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "pending" });
    await letGo();
  });

  test.for([
    [500, "pending"],
    [204, "succeeded"],
  ] as const)("what came of attempts is written down: a %i", async ([answer, status]) => {
    const { world, tenant, id } = await setUp(500, answer);
    await tenant.hears("Hello");
    await world.deliver();
    world.advance(seconds(6));
    const letGo = await hold(tenant, id);
    const run = world.deliver();
    await vi.waitFor(async () => expect(await onlyDelivery(tenant)).toMatchObject({ status, attempts: 2 }), { timeout: 3000 });
    await Promise.all([run, letGo()]);
    expect((await tenant.get(`/v1/webhook_endpoints/${id}`)).body).toMatchObject({ status: answer === 500 ? "failing" : "active" });
  });

  test("or deletes it, neither that nor a settlement that brings its retries forward stands in the other's way", async () => {
    const { world, tenant, id } = await setUp(500, 204);
    await tenant.hears("Hello");
    await world.deliver();
    await leaveDeliveries(tenant.ctx, id, 50, { status: "scheduled", attempts: 5, due_at: after(world.now(), hours(1)) });
    world.advance(seconds(180));
    const letGo = await hold(tenant, id, (tx) => deleteEndpoint(tx, { endpoint_id: id }));
    const run = world.deliver();
    await vi.waitFor(async () => expect(await countOf(tenant, "succeeded")).toBe(1), { timeout: 3000 });
    await Promise.all([run, letGo()]);
    expect(world.logged).toEqual([]);
    world.advance(seconds(40));
    await world.deliver();
    expect([await countOf(tenant, "succeeded"), await countOf(tenant, "canceled")]).toEqual([1, 50]);
  });

  test("to disable it, an attempt that fails in that very moment leaves no retry behind", async () => {
    let fail: (() => void) | undefined;
    const { world, tenant, receiver, id, path } = await setUp((response) =>
      fail ? response.writeHead(204).end() : (fail = () => void response.writeHead(500).end()),
    );
    await tenant.hears("Hello");
    const run = world.deliver();
    await vi.waitFor(() => expect(fail).toBeDefined());
    await atomically(tenant.ctx, async (tx) => {
      await updateEndpoint(tx, { endpoint_id: id, enabled: false }, undefined);
      fail!();
      await vi.waitFor(async () => expect((await deliveriesOf(tenant))[0]).toMatchObject({ attempts: 1 }), { timeout: 3000 });
    });
    await run;
    await tenant.patch(path, { enabled: true });
    world.advance(seconds(10));
    await world.deliver();
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "canceled", attempts: 1, next_attempt_at: null });
    expect(receiver.received).toHaveLength(1);
  });
});
