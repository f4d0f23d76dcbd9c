import { describe, expect, test } from "vitest";
import { after, hours, minutes, seconds } from "../../src/core/time.ts";
import { createNewId } from "../../src/core/ids.ts";
import type { Job } from "../../src/jobs/contract.ts";
import { jobs } from "../../src/jobs/tables.ts";
import { systemCtx } from "../../src/core/context.ts";
import { atomically } from "../../src/db/atomically.ts";
import { mine } from "../../src/db/mine.ts";
import { emit } from "../../src/webhooks/emit.ts";
import { sentimentResult } from "../../src/sentiment/events.ts";
import { webhook_deliveries } from "../../src/webhooks/tables.ts";
import { onPostgres, openDatabase } from "../support/database.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { auditOf, breakAt, deliveriesOf, leaveDeliveries, storedDelivery } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function setUp(...replies: Parameters<typeof createReceiver>) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(...replies);
  const { id } = await tenant.endpoint(receiver.url);
  const since = after(world.now(), -hours(1));
  const ask = (body: object, endpoint_id = id) => tenant.post<Job>(`/v1/webhook_endpoints/${endpoint_id}/replay`, { since, ...body });
  return { world, tenant, receiver, id, since, ask };
}

const jobOf = async (tenant: Tenant, { id }: { id: string }) => (await tenant.get<Job>(`/v1/jobs/${id}`)).body;
const toggle = (tenant: Tenant, id: string, enabled: boolean) => tenant.patch(`/v1/webhook_endpoints/${id}`, { enabled });

describe("the replay of all that failed", () => {
  test("is a job, which makes one more attempt of each under its own id and tells how far it is", async () => {
    const { world, tenant, receiver, id, ask, since } = await setUp(204);
    const failed = await leaveDeliveries(tenant.ctx, id, 3, { status: "failed", attempts: 11, completed_at: world.now() });
    await leaveDeliveries(tenant.ctx, id, 1, { status: "succeeded", completed_at: world.now() });
    world.advance(10);
    world.woken.length = 0;
    const { status, headers, body } = await ask({ deliveries: "failed" });
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/v1/jobs/${body.id}`);
    expect(body).toMatchObject({ object: "job", kind: "replay_failed", status: "pending", processed: 0, total: null, error: null });
    expect(body.input).toMatchObject({ endpoint_id: id, since });
    expect(world.woken).toEqual(["jobs"]);

    await world.workJobs();
    expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 3, total: 3 });
    expect(world.woken).toContain("webhooks");
    await world.deliver();
    expect(receiver.received.map((request) => request.headers["webhook-id"])).toEqual(expect.arrayContaining(failed));
    expect((await deliveriesOf(tenant)).map((delivery) => delivery.status)).toEqual(Array(4).fill("succeeded"));
  });

  test("leaves failed what fails again", async () => {
    const { world, tenant, id, ask } = await setUp(500);
    const [delivery] = await leaveDeliveries(tenant.ctx, id, 1, { status: "failed", attempts: 11, completed_at: world.now() });
    world.advance(10);
    await ask({ deliveries: "failed" });
    await world.workJobs();
    await world.deliver();
    expect(await storedDelivery(tenant, delivery!)).toMatchObject({ status: "failed", attempts: 12, resting_status: null });
  });

  test("keeps to its range, its endpoint and its workspace", async () => {
    const { world, tenant, receiver, id, ask } = await setUp(204);
    const goneFor = (ms: number) => {
      const created_at = after(world.now(), -ms);
      return { id: createNewId(() => created_at)("dlv"), status: "failed" as const, completed_at: world.now(), created_at };
    };
    await leaveDeliveries(tenant.ctx, id, 1, goneFor(hours(2)));
    await leaveDeliveries(tenant.ctx, id, 1, goneFor(minutes(5)));
    const [inside] = await leaveDeliveries(tenant.ctx, id, 1, goneFor(minutes(30)));
    const other = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, other.id, 1, goneFor(minutes(30)));
    // The range of ids begins where that of times does.
    const { body } = await ask({ deliveries: "failed", until: after(world.now(), -minutes(20)) });
    await world.workJobs();
    await world.deliver();
    expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 1 });
    expect(receiver.received.map((request) => request.headers["webhook-id"])).toEqual([inside]);
  });

  test("of more than a step goes on from step to step, and makes none twice when a worker dies between two", async () => {
    const { world, tenant, id, ask } = await setUp(204);
    await leaveDeliveries(tenant.ctx, id, 700, { status: "failed", attempts: 11, completed_at: world.now() });
    world.advance(10);
    const { body } = await ask({ deliveries: "failed" });
    const [row] = await rowsOf(tenant, jobs);
    // The worker that had leased it is no more.
    const dead = { status: "running" as const, lease_id: crypto.randomUUID(), lease_until: after(world.now(), -1) };
    await tenant.ctx.db.update(jobs).set(dead).where(mine(tenant.ctx, jobs));
    expect(row!.status).toBe("ready");
    await world.workJobs();
    expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 700, total: 700 });
    const rows = await rowsOf(tenant, webhook_deliveries);
    expect(rows.every(({ status, trigger }) => status === "ready" && trigger === "manual")).toBe(true);
    // Nobody else's run is to make them all.
    await toggle(tenant, id, false);
  });
});

describe("the replay of all that was canceled", () => {
  test("makes what waited when the endpoint went out of service, once it is in service again, under its own ids", async () => {
    const { world, tenant, receiver, id, ask } = await setUp(204);
    for (const text of ["One", "Two"]) await tenant.hears(text);
    const waited = (await deliveriesOf(tenant)).map((delivery) => delivery.id);
    await toggle(tenant, id, false);
    await toggle(tenant, id, true);
    await leaveDeliveries(tenant.ctx, id, 1, { status: "failed", completed_at: world.now() });
    world.advance(10);
    const { status, body } = await ask({ deliveries: "canceled" });
    expect(status).toBe(202);
    expect(body).toMatchObject({ kind: "replay_canceled", status: "pending", processed: 0 });
    await finish(world, tenant, body);
    expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 2, total: 2 });
    await world.deliver();
    expect(new Set(receiver.received.map((request) => request.headers["webhook-id"]))).toEqual(new Set(waited));
    expect((await deliveriesOf(tenant)).map((delivery) => delivery.status).toSorted()).toEqual(["failed", "succeeded", "succeeded"]);
    expect((await auditOf(tenant)).at(-1)).toMatchObject({ action: "webhook_endpoint.replayed", details: { deliveries: "canceled" } });
  });

  test("leaves canceled what fails", async () => {
    const { world, tenant, id, ask } = await setUp(500);
    const [delivery] = await leaveDeliveries(tenant.ctx, id, 1, { status: "canceled", attempts: 2, completed_at: world.now() });
    world.advance(10);
    await finish(world, tenant, (await ask({ deliveries: "canceled" })).body);
    await world.deliver();
    expect(await storedDelivery(tenant, delivery!)).toMatchObject({ status: "canceled", attempts: 3, resting_status: null });
  });

  test("waits for what is still to be canceled: a term that has ended is written to its rows little by little", async () => {
    const { world, tenant, receiver, id, ask } = await setUp(204);
    await leaveDeliveries(tenant.ctx, id, 1200);
    await toggle(tenant, id, false);
    await toggle(tenant, id, true);
    world.advance(10);
    const { body } = await ask({ deliveries: "canceled" });
    await world.workJobs();
    expect(await jobOf(tenant, body)).toMatchObject({ status: "pending", processed: 0, total: null });
    await world.deliver();
    expect(receiver.received).toEqual([]);
    await finish(world, tenant, body);
    expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 1200, total: 1200 });
    await toggle(tenant, id, false);
  });

  test("makes no test of an endpoint again", async () => {
    const { world, tenant, id, ask } = await setUp(204);
    await tenant.post(`/v1/webhook_endpoints/${id}/test`, {});
    await tenant.ctx.db.update(webhook_deliveries).set({ status: "canceled" }).where(mine(tenant.ctx, webhook_deliveries));
    world.advance(10);
    const { body } = await ask({ deliveries: "canceled" });
    await finish(world, tenant, body);
    expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 0 });
  });
});

describe("the replay of all that is missing", () => {
  test("tells an endpoint what happened while it was disabled, and nothing that it was told", async () => {
    const { world, tenant, receiver, id, ask } = await setUp(204);
    await tenant.hears("Before");
    await toggle(tenant, id, false);
    const missed = await tenant.hears("Meanwhile");
    await tenant.post(`/v1/conversations/${missed.id}/close`);
    await toggle(tenant, id, true);
    await tenant.hears("After");
    world.advance(10);
    const { body } = await ask({ deliveries: "missing" });
    expect(body).toMatchObject({ kind: "replay_missing", status: "pending" });
    await finish(world, tenant, body);
    await world.deliver();
    const told = receiver.received.map((request) => (JSON.parse(request.body) as { id: string }).id);
    const { body: feed } = await tenant.get<{ data: { id: string }[] }>("/v1/events?limit=100");
    // What waited when it was disabled was canceled: that one has a delivery, and is not missing. It is replayed as canceled.
    expect(told.toSorted()).toEqual(
      feed.data
        .map((event) => event.id)
        .slice(1)
        .toSorted(),
    );
    expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 2, total: 2 });
  });

  test("twice at once writes each delivery once", async () => {
    const { world, tenant, id, ask } = await setUp(204);
    await toggle(tenant, id, false);
    for (const text of ["One", "Two", "Three"]) await tenant.hears(text);
    await toggle(tenant, id, true);
    world.advance(10);
    const [first, second] = [(await ask({ deliveries: "missing" })).body, (await ask({ deliveries: "missing" })).body];
    await finish(world, tenant, first);
    await finish(world, tenant, second);
    expect(await rowsOf(tenant, webhook_deliveries)).toHaveLength(3);
    const done = [await jobOf(tenant, first), await jobOf(tenant, second)];
    expect(done.map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
    expect(done.reduce((sum, { processed }) => sum + processed, 0)).toBe(3);
  });

  test("keeps to what the endpoint wants to be told of", async () => {
    const { world, tenant, receiver, ask } = await setUp(204);
    await tenant.hears("On WhatsApp");
    const ends = await tenant.endpoint(receiver.url, { event_types: ["conversation_end"] });
    const elsewhere = await tenant.endpoint(receiver.url, { channels: ["instagram"] });
    world.advance(10);
    for (const { id } of [ends, elsewhere]) {
      const { body } = await ask({ deliveries: "missing" }, id);
      await finish(world, tenant, body);
      expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 0, total: 0 });
    }
  });

  test.skipIf(!onPostgres())("waits for what is still being written when it is asked for", async () => {
    const connection = await openDatabase();
    try {
      const world = await createWorld({ db: connection.db });
      const tenant = await world.tenant();
      const { id } = await tenant.endpoint("http://127.0.0.1:9/hook", { event_types: ["sentiment_result"], enabled: false });
      const conversation = await tenant.hears("Hello");
      let commit = () => {};
      const held = new Promise<void>((resolve) => (commit = resolve));
      let written = () => {};
      const isWritten = new Promise<void>((resolve) => (written = resolve));
      const late = atomically(systemCtx(world.services, tenant.workspace_id), async (tx) => {
        const data = { conversation_id: conversation.id, score: 0.5, label: "positive", model: "local/test" } as const;
        await emit(tx, sentimentResult, data, { channel: "whatsapp", conversation_id: conversation.id });
        written();
        await held;
      });
      await isWritten;
      await toggle(tenant, id, true);
      world.advance(10);
      const since = after(world.now(), -hours(1));
      const { body } = await tenant.post<Job>(`/v1/webhook_endpoints/${id}/replay`, { deliveries: "missing", since });
      await world.workJobs();
      expect(await jobOf(tenant, body)).toMatchObject({ status: "pending", processed: 0 });
      commit();
      await late;
      await finish(world, tenant, body);
      expect(await jobOf(tenant, body)).toMatchObject({ status: "succeeded", processed: 1 });
    } finally {
      await connection.close();
    }
  });
});

describe("a bulk replay", () => {
  test.for<[string, (now: string) => object, number, object]>([
    [
      "further back than events are kept",
      (now) => ({ since: after(now, -hours(24 * 30 + 1)) }),
      400,
      { pointer: "/since", code: "too_far_back" },
    ],
    ["backwards", (now) => ({ since: now, until: after(now, -minutes(1)) }), 400, { pointer: "/until", code: "not_allowed" }],
    ["since no time", () => ({ since: "yesterday" }), 400, { pointer: "/since", code: "invalid_timestamp" }],
    ["of neither", () => ({ deliveries: "all" }), 400, { pointer: "/deliveries", code: "not_allowed" }],
    ["without a beginning", () => ({ since: undefined }), 400, { pointer: "/since", code: "required" }],
  ])("%s is refused, and there is no job", async ([, body, status, fault]) => {
    const { world, tenant, ask } = await setUp(204);
    expect(await ask({ deliveries: "failed", ...body(world.now()) })).toMatchObject({ status, body: { errors: [fault] } });
    expect(await rowsOf(tenant, jobs)).toEqual([]);
  });

  test("of a disabled endpoint is refused; one that is disabled meanwhile ends it", async () => {
    const { world, tenant, id, ask } = await setUp(204);
    await leaveDeliveries(tenant.ctx, id, 1, { status: "failed", completed_at: world.now() });
    world.advance(10);
    const { body } = await ask({ deliveries: "failed" });
    await toggle(tenant, id, false);
    await world.workJobs();
    expect(await jobOf(tenant, body)).toMatchObject({ status: "failed", error: "endpoint_disabled", processed: 0 });
    expect(await ask({ deliveries: "failed" })).toMatchObject({ status: 409, body: { code: "endpoint_disabled" } });
    expect(await deliveriesOf(tenant)).toMatchObject([{ status: "failed" }]);
  });

  describe("whose step fails", () => {
    /** One event is missing, and its delivery cannot be written. */
    async function setUpBroken() {
      const { world, tenant, id, ask } = await setUp(204);
      await toggle(tenant, id, false);
      await tenant.hears("Hello");
      await toggle(tenant, id, true);
      world.advance(10);
      const { body } = await ask({ deliveries: "missing" });
      await settled(world);
      return { world, tenant, job: body, mend: breakAt(world, "dlv") };
    }

    test("is tried again, and does nothing twice", async () => {
      const { world, tenant, job, mend } = await setUpBroken();
      await world.workJobs();
      mend();
      expect(await jobOf(tenant, job)).toMatchObject({ status: "pending", processed: 0 });
      expect(world.logged).toMatchObject([{ message: "a job's step failed", fields: { job_id: job.id } }]);
      world.advance(seconds(6));
      await world.workJobs();
      expect(await jobOf(tenant, job)).toMatchObject({ status: "succeeded", processed: 1 });
    });

    test("again and again has failed, and says no more than that", async () => {
      const { world, tenant, job, mend } = await setUpBroken();
      for (const wait_ms of [0, seconds(6), seconds(31), minutes(3), minutes(11)]) {
        world.advance(wait_ms);
        await world.workJobs();
      }
      mend();
      expect(await jobOf(tenant, job)).toMatchObject({ status: "failed", error: "internal_error" });
    });
  });

  test("is in the audit log, and not made if it fails there", async () => {
    const { world, tenant, id, ask, since } = await setUp(204);
    const mend = breakAt(world, "aud");
    expect((await ask({ deliveries: "failed" })).status).toBe(500);
    mend();
    expect(await rowsOf(tenant, jobs)).toEqual([]);
    await ask({ deliveries: "failed" });
    expect((await auditOf(tenant)).at(-1)).toMatchObject({
      action: "webhook_endpoint.replayed",
      target_id: id,
      details: { deliveries: "failed", since },
    });
  });

  test("is another workspace's business there, and the job is not found here", async () => {
    const { world, ask } = await setUp(204);
    const { body } = await ask({ deliveries: "failed" });
    const stranger = await world.tenant();
    expect(await stranger.get(`/v1/jobs/${body.id}`)).toMatchObject({ status: 404 });
  });
});

type World = Awaited<ReturnType<typeof createWorld>>;

/** Until no transaction is left that was running before: other tests' may be. */
const settled = (world: World) =>
  expect
    .poll(async () =>
      world.services.db
        .execute("select pg_snapshot_xmin(pg_current_snapshot()) = pg_snapshot_xmax(pg_current_snapshot()) as idle")
        .then((answer) => JSON.stringify(answer)),
    )
    .toContain("true");

/** Works the job until it is over. */
async function finish(world: World, tenant: Tenant, job: { id: string }): Promise<void> {
  await expect
    .poll(async () => {
      world.advance(300);
      await world.workJobs();
      return (await jobOf(tenant, job)).status;
    })
    .not.toBe("pending");
}
