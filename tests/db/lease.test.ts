import { and, eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { idOf, uuidOf, type Id } from "../../src/core/ids.ts";
import { after, hours, minutes, seconds } from "../../src/core/time.ts";
import type { Connection } from "../../src/db/connect.ts";
import { claim, firstTurn, isFirst, release, revive, stillLeased, type Claim, type Turn } from "../../src/db/lease.ts";
import { mine } from "../../src/db/mine.ts";
import { query } from "../../src/db/query.ts";
import { claimDeliveries, deliveryQueue, type ClaimedDelivery } from "../../src/dispatch/claim-deliveries.ts";
import { judge } from "../../src/dispatch/judge.ts";
import type { PostOutcome } from "../../src/core/poster.ts";
import { settleDeliveries, type Result } from "../../src/dispatch/settle-deliveries.ts";
import { webhook_attempts, webhook_deliveries } from "../../src/webhooks/tables.ts";
import { onPostgres, openDatabase } from "../support/database.ts";
import { attemptsOf, auditOf, deliveriesOf, leaveDeliveries, storedDelivery } from "../support/webhooks.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

let connection: Connection;
beforeAll(async () => void (connection = await openDatabase()));
afterAll(() => connection.close());

/** A workspace with a lane for each count, and so many deliveries in it that are ready. */
async function setUp(...counts: number[]) {
  const world = await createWorld({ db: connection.db });
  const tenant = await world.tenant();
  const lanes: { endpoint_id: Id<"whe">; lane: string; ids: Id<"dlv">[] }[] = [];
  for (const count of counts) {
    const { id } = await tenant.endpoint("http://127.0.0.1:9/hook");
    lanes.push({ endpoint_id: id, lane: uuidOf(id), ids: count === 0 ? [] : await leaveDeliveries(tenant.ctx, id, count) });
  }
  return { world, tenant, lanes, start: startOf(tenant) };
}

/** Workspaces are walked in the order in which they were made: from here on there are none but the test's own. */
const startOf = ({ workspace_id }: Tenant): Turn => ({ ...firstTurn(), workspace_id: uuidOf(workspace_id) });

const take = ({ ctx }: Tenant, turn: Turn, options: Partial<Parameters<typeof claim>[2]> = {}) =>
  claim(ctx.db, deliveryQueue, { now: ctx.now(), turn, lanes: 64, in_flight_per_lane: 100, limit: 320, ...options });

const countIn = (claims: Claim[], { lane }: { lane: string }) => claims.filter((held) => held.lane === lane).length;
const idsOf = (claims: Claim[]) => claims.map(({ uuid }) => idOf("dlv", uuid));

const succeeded: PostOutcome = {
  status_code: 204,
  error: null,
  duration_ms: 3,
  response_headers: {},
  response_body: "",
  remote_address: "127.0.0.1",
};
const failed = (status_code: number): PostOutcome => ({ ...succeeded, status_code, error: "non_2xx" });

const resultOf = (world: World, delivery: ClaimedDelivery, outcome: PostOutcome): Result => {
  const now = world.now();
  return {
    attempt_id: world.services.newId("att"),
    delivery,
    outcome,
    verdict: judge(delivery, outcome, now),
    started_at: now,
    ended_at: now,
  };
};

describe("a claim", () => {
  test("leases ready rows for a minute, the oldest of a lane first, and says how often each was tried", async () => {
    const { tenant, lanes, start } = await setUp(0);
    const now = tenant.ctx.now();
    const [second] = await leaveDeliveries(tenant.ctx, lanes[0]!.endpoint_id, 1, { due_at: after(now, -seconds(10)), attempts: 3 });
    const [third] = await leaveDeliveries(tenant.ctx, lanes[0]!.endpoint_id, 1, { due_at: after(now, -seconds(5)) });
    const [first] = await leaveDeliveries(tenant.ctx, lanes[0]!.endpoint_id, 1, { due_at: after(now, -seconds(20)) });

    const { claims } = await take(tenant, start, { now, limit: 2 });
    expect(idsOf(claims)).toEqual([first, second]);
    expect(claims).toMatchObject([
      { workspace_id: tenant.workspace_id, lane: lanes[0]!.lane, attempts: 0, lease_until: after(now, seconds(60)) },
      { attempts: 3, lease_until: after(now, seconds(60)) },
    ]);
    expect(new Set(claims.map(({ lease_id }) => lease_id)).size, "what is taken at once has one lease").toBe(1);
    expect(await storedDelivery(tenant, first!)).toMatchObject({
      status: "delivering",
      lease_id: claims[0]!.lease_id,
      lease_until: after(now, seconds(60)),
    });
    expect(await storedDelivery(tenant, third!)).toMatchObject({ status: "ready", lease_id: null });
    expect((await take(tenant, start, { now })).claims[0]!.lease_id, "each time another").not.toBe(claims[0]!.lease_id);
  });

  test("takes nothing that is not ready", async () => {
    const { tenant, lanes, start } = await setUp(0);
    const now = tenant.ctx.now();
    for (const status of ["scheduled", "delivering", "succeeded", "failed", "canceled"] as const) {
      const lease = status === "delivering" ? { lease_id: crypto.randomUUID(), lease_until: after(now, hours(1)) } : {};
      await leaveDeliveries(tenant.ctx, lanes[0]!.endpoint_id, 1, { status, due_at: after(now, hours(1)), ...lease });
    }
    expect(await take(tenant, start)).toEqual({ claims: [], turn: firstTurn() });
  });

  test("serves every lane: one with 500 rows waiting leaves room for one with a single row", async () => {
    const { tenant, lanes, start } = await setUp(500, 1);
    const { claims } = await take(tenant, start);
    expect(lanes.map((lane) => countIn(claims, lane))).toEqual([100, 1]);
  });

  test("hands over the oldest first, of whichever lane", async () => {
    const { tenant, lanes, start } = await setUp(0, 0);
    const now = tenant.ctx.now();
    const left: Id<"dlv">[] = [];
    for (const [lane, age_s] of [1, 2, 3, 4].map((age) => [lanes[age % 2]!, age] as const)) {
      left.unshift(...(await leaveDeliveries(tenant.ctx, lane.endpoint_id, 1, { due_at: after(now, -seconds(age_s)) })));
    }
    expect(idsOf((await take(tenant, start)).claims)).toEqual(left);
  });

  test("takes no more of a lane than may be in flight, counting what is", async () => {
    const { tenant, lanes, start } = await setUp(10, 10);
    const bound = { in_flight_per_lane: 4 };
    const { claims } = await take(tenant, start, bound);
    expect(lanes.map((lane) => countIn(claims, lane))).toEqual([4, 4]);
    expect((await take(tenant, start, bound)).claims).toEqual([]);

    await tenant.ctx.db
      .update(webhook_deliveries)
      .set({ status: "succeeded" })
      .where(and(mine(tenant.ctx, webhook_deliveries), eq(webhook_deliveries.id, idsOf(claims)[0]!)));
    const next = (await take(tenant, start, bound)).claims;
    expect(next.map(({ lane }) => lane)).toEqual([claims[0]!.lane]);
  });

  test("takes no more than its limit in all", async () => {
    const { tenant, start } = await setUp(5, 5);
    expect((await take(tenant, start, { limit: 7 })).claims).toHaveLength(7);
    expect((await take(tenant, start, { limit: 7 })).claims).toHaveLength(3);
  });

  test("of two workspaces serves both", async () => {
    const { world, tenant, lanes, start } = await setUp(3);
    const other = await world.tenant();
    const { id } = await other.endpoint("http://127.0.0.1:9/hook");
    await leaveDeliveries(other.ctx, id, 3);
    const { claims } = await take(tenant, start, { in_flight_per_lane: 1 });
    expect(claims.map(({ workspace_id, lane }) => [workspace_id, lane])).toEqual([
      [tenant.workspace_id, lanes[0]!.lane],
      [other.workspace_id, uuidOf(id)],
    ]);
  });
});

describe("half of what a lane may take", () => {
  /** A lane in which retries have waited for longer than what was never tried. */
  async function setUpMixed({ retries, first }: { retries: number; first: number }) {
    const { tenant, lanes, start } = await setUp(0);
    const { endpoint_id } = lanes[0]!;
    const long_ago = after(tenant.ctx.now(), -hours(2));
    const seed = async (count: number, given: object) => {
      const ids: Id<"dlv">[] = [];
      for (let left = count; left > 0; left -= 1000)
        ids.push(...(await leaveDeliveries(tenant.ctx, endpoint_id, Math.min(left, 1000), given)));
      return ids;
    };
    await seed(retries, { attempts: 3, due_at: long_ago });
    return { tenant, start, ids: await seed(first, {}) };
  }
  const kinds = (claims: Claim[]) => ({
    first: claims.filter(({ attempts }) => attempts === 0).length,
    retries: claims.filter(({ attempts }) => attempts > 0).length,
  });

  test.for([
    [
      { retries: 30, first: 30 },
      { first: 10, retries: 10 },
    ],
    [
      { retries: 30, first: 4 },
      { first: 4, retries: 16 },
    ],
    [
      { retries: 4, first: 30 },
      { first: 16, retries: 4 },
    ],
    [
      { retries: 30, first: 0 },
      { first: 0, retries: 20 },
    ],
    [
      { retries: 0, first: 30 },
      { first: 20, retries: 0 },
    ],
  ] as const)("is kept for first attempts: of %j it takes %j", async ([waiting, taken]) => {
    const { tenant, start } = await setUpMixed(waiting);
    expect(kinds((await take(tenant, start, { in_flight_per_lane: 20 })).claims)).toEqual(taken);
  });

  test("is the oldest of each kind", async () => {
    const { tenant, start, ids } = await setUpMixed({ retries: 10, first: 10 });
    const { claims } = await take(tenant, start, { in_flight_per_lane: 6 });
    expect(idsOf(claims.filter(({ attempts }) => attempts === 0)).toSorted()).toEqual(ids.slice(0, 3).toSorted());
  });

  test("leaves neither kind out where there is room for one alone", async () => {
    const { tenant, start } = await setUpMixed({ retries: 40, first: 40 });
    const claims: Claim[] = [];
    for (let n = 0; n < 40; n++) claims.push(...(await take(tenant, start, { in_flight_per_lane: n + 1 })).claims);
    expect(claims).toHaveLength(40);
    // Chance decides; that it left one kind out forty times happens once in a million million runs.
    expect(kinds(claims).first).toBeGreaterThan(0);
    expect(kinds(claims).retries).toBeGreaterThan(0);
  });

  // PGlite is PostgreSQL 18, whose skip scan hides bad plans.
  test.runIf(onPostgres())("is found by the index alone: 10,000 retries before it are not read", { timeout: 60_000 }, async () => {
    const { tenant, start, ids } = await setUpMixed({ retries: 10_000, first: 20 });
    await tenant.ctx.db.execute(sql`analyze webhook_deliveries`);
    const { endpoint_id } = await storedDelivery(tenant, ids[0]!);
    for (const kind of [0, 1]) {
      const plan = await query<{ "QUERY PLAN": string }>(
        tenant.ctx.db,
        sql`explain select id from webhook_deliveries where status = 'ready' and workspace_id = ${uuidOf(tenant.workspace_id)}::uuid
          and endpoint_id = ${uuidOf(endpoint_id)}::uuid and least(attempts, 1) = ${sql.raw(String(kind))} order by due_at, id limit 20`,
      );
      const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
      expect(text).toMatch(/Index (Only )?Scan using webhook_deliveries_ready/);
      expect(text).not.toContain("Sort");
    }
    expect(kinds((await take(tenant, start, { in_flight_per_lane: 40 })).claims)).toEqual({ first: 20, retries: 20 });
  });
});

describe("giving back", () => {
  test("makes what was leased ready at once, with its lease cleared", async () => {
    const { tenant, start } = await setUp(3);
    const { claims } = await take(tenant, start);
    await release(tenant.ctx.db, deliveryQueue, claims.slice(1), tenant.ctx.now());
    expect(await storedDelivery(tenant, idsOf(claims)[0]!)).toMatchObject({ status: "delivering", lease_id: claims[0]!.lease_id });
    for (const id of idsOf(claims).slice(1)) {
      expect(await storedDelivery(tenant, id)).toMatchObject({ status: "ready", lease_id: null, lease_until: null, attempts: 0 });
    }
    expect(idsOf((await take(tenant, start)).claims).toSorted()).toEqual(idsOf(claims.slice(1)).toSorted());
  });

  test("changes nothing for a worker that has lost its lease", async () => {
    const { tenant, start } = await setUp(1);
    const [stale] = (await take(tenant, start)).claims;
    const later = after(tenant.ctx.now(), minutes(2));
    await revive(tenant.ctx.db, deliveryQueue, later);
    const [live] = (await take(tenant, start, { now: later })).claims;
    await release(tenant.ctx.db, deliveryQueue, [stale!], later);
    expect(await storedDelivery(tenant, idsOf([live!])[0]!)).toMatchObject({ status: "delivering", lease_id: live!.lease_id });
  });

  test("nothing asks nothing of the database", async () => {
    const nobody = {} as Connection["db"];
    await release(nobody, deliveryQueue, [], "2026-11-22T10:15:12.480Z");
  });
});

describe("turns", () => {
  test("go on at the next lane, and start over behind the last", async () => {
    const { tenant, lanes, start } = await setUp(2, 2, 2);
    const seen: string[] = [];
    let turn = start;
    do {
      const claimed = await take(tenant, turn, { lanes: 1, in_flight_per_lane: 1 });
      seen.push(...claimed.claims.map(({ lane }) => lane));
      turn = claimed.turn;
    } while (!isFirst(turn));
    expect(seen).toEqual(lanes.map(({ lane }) => lane));
  });

  test("of a claim that is full go on behind the last lane it served", async () => {
    const { tenant, lanes, start } = await setUp(2, 2, 2);
    const first = await take(tenant, start, { limit: 3 });
    expect(lanes.map((lane) => countIn(first.claims, lane))).toEqual([2, 1, 0]);
    const second = await take(tenant, first.turn, { limit: 3 });
    expect(lanes.map((lane) => countIn(second.claims, lane))).toEqual([0, 0, 2]);
    expect(isFirst(second.turn)).toBe(true);
    const third = await take(tenant, start, { limit: 3 });
    expect(lanes.map((lane) => countIn(third.claims, lane))).toEqual([0, 1, 0]);
  });

  test("pass lanes that have all they may have in flight: those behind them are not starved", async () => {
    const { tenant, lanes, start } = await setUp(2, 2, 1);
    const bound = { lanes: 2, in_flight_per_lane: 1 };
    expect((await take(tenant, start, bound)).claims).toHaveLength(2);

    const busy = await take(tenant, start, bound);
    expect(busy.claims).toEqual([]);
    expect(isFirst(busy.turn)).toBe(false);
    expect((await take(tenant, busy.turn, bound)).claims.map(({ lane }) => lane)).toEqual([lanes[2]!.lane]);
  });

  test("of an empty queue are the first", async () => {
    const { tenant, start } = await setUp(0);
    expect(await take(tenant, start)).toEqual({ claims: [], turn: firstTurn() });
  });
});

describe("reviving", () => {
  test("makes what is due ready and leaves what is not", async () => {
    const { tenant, lanes } = await setUp(0);
    const now = tenant.ctx.now();
    const [due] = await leaveDeliveries(tenant.ctx, lanes[0]!.endpoint_id, 1, { status: "scheduled", due_at: now });
    const [later] = await leaveDeliveries(tenant.ctx, lanes[0]!.endpoint_id, 1, { status: "scheduled", due_at: after(now, 1) });
    await revive(tenant.ctx.db, deliveryQueue, now);
    expect(await storedDelivery(tenant, due!)).toMatchObject({ status: "ready", due_at: now });
    expect(await storedDelivery(tenant, later!)).toMatchObject({ status: "scheduled" });
  });

  test("takes dead leases back and leaves those that live", async () => {
    const { tenant, start } = await setUp(2);
    const now = tenant.ctx.now();
    const { claims } = await take(tenant, start, { now, limit: 1 });
    const { claims: later } = await take(tenant, start, { now: after(now, seconds(1)), limit: 1 });
    await revive(tenant.ctx.db, deliveryQueue, after(now, seconds(60) + 1));
    expect(await storedDelivery(tenant, idsOf(claims)[0]!)).toMatchObject({
      status: "ready",
      lease_id: null,
      lease_until: null,
      attempts: 0,
    });
    expect(await storedDelivery(tenant, idsOf(later)[0]!)).toMatchObject({ status: "delivering", lease_id: later[0]!.lease_id });
  });

  test("leaves behind what the queue says of a dead worker", async () => {
    const { tenant, start } = await setUp(1);
    const { claims } = await take(tenant, start);
    const words = { ...deliveryQueue.words, abandoned: "failed" };
    await revive(tenant.ctx.db, { ...deliveryQueue, words }, after(tenant.ctx.now(), minutes(2)));
    expect(await storedDelivery(tenant, idsOf(claims)[0]!)).toMatchObject({ status: "failed", lease_id: null });
  });

  test("wakes a thousand at a time, those that were due first before the others", async () => {
    const { tenant, lanes } = await setUp(0);
    const long_ago = after(tenant.ctx.now(), -hours(24));
    const { endpoint_id } = lanes[0]!;
    const [last] = await leaveDeliveries(tenant.ctx, endpoint_id, 1, { status: "scheduled", due_at: after(long_ago, 1) });
    await leaveDeliveries(tenant.ctx, endpoint_id, 1000, { status: "scheduled", due_at: long_ago });
    await revive(tenant.ctx.db, deliveryQueue, tenant.ctx.now());
    const asleep = await tenant.ctx.db
      .select({ id: webhook_deliveries.id })
      .from(webhook_deliveries)
      .where(and(mine(tenant.ctx, webhook_deliveries), eq(webhook_deliveries.status, "scheduled")));
    expect(asleep).toEqual([{ id: last }]);
  });
});

describe("the lease is the fence", () => {
  test("it holds for whoever has it, and for nobody else", async () => {
    const { tenant, start } = await setUp(1);
    const held = (await take(tenant, start)).claims[0]!;
    const found = async (given: Claim) =>
      (await tenant.ctx.db.select().from(webhook_deliveries).where(stillLeased(deliveryQueue, given))).length;
    expect(await found(held)).toBe(1);
    expect(await found({ ...held, lease_id: crypto.randomUUID() })).toBe(0);
    await revive(tenant.ctx.db, deliveryQueue, after(tenant.ctx.now(), minutes(2)));
    expect(await found(held)).toBe(0);
  });

  test("what a dead worker held is claimed again, and its own settlement changes nothing and logs no attempt", async () => {
    const { world, tenant, lanes, start } = await setUp(1);
    const [id] = lanes[0]!.ids;
    const limits = { lanes: 64, in_flight_per_lane: 100, limit: 320 };
    const [stale] = (await claimDeliveries(world.services, start, limits)).deliveries;
    world.advance(seconds(61));
    const [live] = (await claimDeliveries(world.services, start, limits)).deliveries;
    expect([stale!.id, live!.id]).toEqual([id, id]);
    expect(live!.lease_id).not.toBe(stale!.lease_id);
    const before = await storedDelivery(tenant, id!);

    for (const outcome of [succeeded, failed(500), failed(410)]) await settleDeliveries(world.services, [resultOf(world, stale!, outcome)]);
    expect(await storedDelivery(tenant, id!)).toEqual(before);
    expect(await attemptsOf(tenant, id!)).toEqual([]);
    expect((await tenant.get(`/v1/webhook_endpoints/${lanes[0]!.endpoint_id}`)).body).toMatchObject({
      status: "active",
      failing_since: null,
    });
    expect((await auditOf(tenant)).map(({ action }) => action)).toEqual(["webhook_endpoint.created"]);

    await settleDeliveries(world.services, [resultOf(world, live!, succeeded)]);
    expect(await storedDelivery(tenant, id!)).toMatchObject({ status: "succeeded", attempts: 1, lease_id: null });
    await settleDeliveries(world.services, [resultOf(world, live!, succeeded)]);
    expect(await attemptsOf(tenant, id!)).toMatchObject([{ number: 1, status_code: 204 }]);
  });

  test("of results that are written together only those whose lease holds count", async () => {
    const { world, tenant, start } = await setUp(2);
    const limits = { lanes: 64, in_flight_per_lane: 100, limit: 1 };
    const [stale] = (await claimDeliveries(world.services, start, limits)).deliveries;
    world.advance(seconds(61));
    await revive(connection.db, deliveryQueue, world.now());
    const { deliveries } = await claimDeliveries(world.services, start, { ...limits, limit: 2 });
    const live = deliveries.find(({ id }) => id !== stale!.id)!;
    await settleDeliveries(world.services, [resultOf(world, stale!, failed(500)), resultOf(world, live, succeeded)]);
    expect(await storedDelivery(tenant, live.id)).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(await storedDelivery(tenant, stale!.id)).toMatchObject({ status: "delivering", attempts: 0 });
  });
});

// PGlite has one connection and takes statements one after the other; on PostgreSQL these really happen at once.
describe("several claimers at once", () => {
  test("never share a row", async () => {
    const { tenant, lanes, start } = await setUp(60, 60);
    const taken: string[] = [];
    const work = async () => {
      for (;;) {
        const { claims } = await take(tenant, start, { limit: 7 });
        if (claims.length === 0) return;
        taken.push(...claims.map(({ uuid }) => uuid));
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    expect(new Set(taken).size).toBe(taken.length);
    // A claimer that found everything locked by others may end early; what is left is still there to be claimed.
    expect(taken.length).toBeGreaterThanOrEqual(lanes.length);
    const rest = await take(tenant, start);
    expect(taken.length + rest.claims.length).toBe(120);
  });

  test("revive each dead lease once", async () => {
    const { tenant, start } = await setUp(50);
    await take(tenant, start);
    const later = after(tenant.ctx.now(), minutes(2));
    await Promise.all(Array.from({ length: 4 }, () => revive(connection.db, deliveryQueue, later)));
    expect((await take(tenant, start, { now: later })).claims).toHaveLength(50);
  });

  test(
    "who also settle, while endpoints fail, recover, go and are deleted, never stand in each other's way",
    { timeout: 60_000 },
    async () => {
      const { world, tenant, lanes, start } = await setUp(...Array.from({ length: 12 }, () => 25));
      const [gone, deleted] = lanes;
      let moves = 0;

      const work = async (worker: number) => {
        for (let idle = 0; idle < 3;) {
          const { deliveries } = await claimDeliveries(world.services, start, { lanes: 64, in_flight_per_lane: 100, limit: 40 });
          idle = deliveries.length === 0 ? idle + 1 : 0;
          // Every worker meets the endpoints in another order, and every endpoint fails and works by turns.
          const in_order = worker % 2 === 0 ? deliveries : deliveries.toReversed();
          const results = in_order.map((delivery) => {
            if (delivery.endpoint.id === gone!.endpoint_id) return resultOf(world, delivery, failed(410));
            return resultOf(world, delivery, moves++ % 3 === 0 ? failed(500) : succeeded);
          });
          await settleDeliveries(world.services, results);
          world.advance(seconds(10));
        }
      };
      await Promise.all([0, 1, 2, 3].map(work).concat(tenant.delete(`/v1/webhook_endpoints/${deleted!.endpoint_id}`).then(() => {})));

      const rows = await tenant.ctx.db.select().from(webhook_deliveries).where(mine(tenant.ctx, webhook_deliveries));
      const attempts = await tenant.ctx.db.select().from(webhook_attempts).where(mine(tenant.ctx, webhook_attempts));
      expect(rows).toHaveLength(300);
      expect(attempts).toHaveLength(rows.reduce((sum, row) => sum + row.attempts, 0));
      expect(rows.filter(({ status, lease_id }) => status === "delivering" || lease_id !== null)).toEqual([]);
      expect((await tenant.get(`/v1/webhook_endpoints/${gone!.endpoint_id}`)).body).toMatchObject({ disabled_reason: "gone" });
      expect(
        (await deliveriesOf(tenant, `&endpoint_id=${gone!.endpoint_id}`)).every(
          ({ status }) => status === "failed" || status === "canceled",
        ),
      ).toBe(true);
    },
  );
});
