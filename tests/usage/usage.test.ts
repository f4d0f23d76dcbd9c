import fc from "fast-check";
import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Db } from "../../src/core/context.ts";
import { metrics, pricing, type PricedMetric } from "../../src/core/pricing.ts";
import { ApiError } from "../../src/core/errors.ts";
import { after, hours, minutes, msBetween } from "../../src/core/time.ts";
import { atomically } from "../../src/db/atomically.ts";
import { messages } from "../../src/messages/tables.ts";
import { charge } from "../../src/usage/charge.ts";
import { spendCredits } from "../../src/usage/spend-credits.ts";
import { sumUpUsage } from "../../src/usage/sum-up-usage.ts";
import { createTally } from "../../src/usage/tally.ts";
import { handled_quarter_hours, ledger_entries, usage_quarter_hours } from "../../src/usage/tables.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { createSandbox, freshNumber } from "../support/channels.ts";
import { onPostgres } from "../support/database.ts";
import { caughtUp } from "../support/feeds.ts";
import { rowsOf } from "../support/rows.ts";
import { breakdownBy, countOf, getBilling, getUsage, listLedger, thousandths } from "../support/usage.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withTenant() {
  const world = await createWorld();
  return { world, tenant: await world.tenant() };
}

/** Something that was charged at a moment. */
const leave = (tenant: Tenant, metric: PricedMetric, created_at: string, { quantity = 1, credits = 1 } = {}) =>
  tenant.ctx.db
    .insert(ledger_entries)
    .values({ workspace_id: tenant.workspace_id, id: tenant.ctx.newId("led"), metric, quantity, credits, created_at });

const setPlan = (tenant: Tenant, plan: keyof typeof pricing.plans) =>
  tenant.ctx.db
    .update(workspaces)
    .set({ plan })
    .where(sql`${workspaces.id} = ${sql.param(tenant.workspace_id, workspaces.id)}`);

/** A history goes on for up to three hours: one that begins then ends on the same day, and so in the same month. */
const nextMorning = (now: string) => `${after(now, hours(24)).slice(0, 10)}T06:00:00.000Z`;

describe("the ledger, the usage and what remains", () => {
  const kinds = ["whatsapp", "twilio_sms", "web_widget", "instagram"] as const;
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant("hear" as const), channel: fc.nat(3), person: fc.nat(2) }),
      fc.record({ do: fc.constant("say" as const), channel: fc.nat(3), person: fc.nat(2), length: fc.integer({ min: 1, max: 400 }) }),
      fc.record({
        do: fc.constant("charge" as const),
        metric: fc.constantFrom(...(["embeddings", "compositions"] as const)),
        quantity: fc.integer({ min: 1, max: 9 }),
      }),
      fc.record({ do: fc.constantFrom("sum" as const, "wait" as const) }),
    ),
    { minLength: 5, maxLength: 25 },
  );

  test("agree to the last thousandth, whatever was said on whichever channel, and whenever it is added up", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const { world, tenant } = await withTenant();
        world.advance(msBetween(world.now(), nextMorning(world.now())));
        world.services.pricing = {
          ...pricing,
          prices: { ...pricing.prices, messages_inbound: 0.001, messages_outbound: 0.1, sms_segments: 0.007 },
        };
        const channels = await Promise.all(kinds.map((kind) => createSandbox(world, tenant, kind)));
        const people = [freshNumber(), freshNumber(), freshNumber()];
        const known = new Map<string, string>();
        for (const step of history) {
          if (step.do === "sum") await sumUpUsage(world.services);
          if (step.do === "wait") world.advance(minutes(7));
          if (step.do === "charge")
            await atomically(tenant.ctx, (tx) => charge(tx, {}, [{ metric: step.metric, quantity: step.quantity }]));
          if (step.do !== "hear" && step.do !== "say") continue;
          const who = `${step.channel} ${step.person}`;
          if (step.do === "hear" || !known.has(who))
            known.set(who, (await channels[step.channel]!.hears("Hello", people[step.person]!)).id);
          if (step.do === "hear") continue;
          await tenant.post(`/v1/conversations/${known.get(who)}/messages`, { content: { type: "text", text: "x".repeat(step.length) } });
        }

        const ledger = await listLedger(tenant);
        const period = `?from=${world.now().slice(0, 10)}T00:00:00Z&to=${after(world.now(), hours(48)).slice(0, 10)}T00:00:00Z`;
        const [usage, billing, said] = [await getUsage(tenant, period), await getBilling(tenant), await rowsOf(tenant, messages)];
        expect(Math.round(usage.credits * 1000)).toBe(thousandths(ledger));
        expect(thousandths(usage.metrics)).toBe(thousandths(ledger));
        expect(Math.round(billing.spent_credits * 1000)).toBe(thousandths(ledger));
        expect(Math.round(billing.remaining_credits * 1000)).toBe(billing.included_credits * 1000 - thousandths(ledger));
        for (const metric of metrics.slice(0, -2)) {
          const quantity = ledger.filter((entry) => entry.metric === metric).reduce((sum, entry) => sum + entry.quantity, 0);
          expect(usage.metrics.find((one) => one.metric === metric)!.quantity, metric).toBe(quantity);
        }
        const counts = ["inbound", "outbound"].map((direction) => said.filter((message) => message.direction === direction).length);
        expect(usage.metrics.slice(0, 2).map(({ quantity }) => quantity)).toEqual(counts);
        expect(thousandths(said)).toBe(thousandths(ledger.filter(({ message_id }) => message_id !== null)));
        const spoken = new Set(said.filter(({ direction }) => direction === "outbound").map(({ conversation_id }) => conversation_id));
        expect(usage.conversations_handled).toBe(spoken.size);
        for (const group_by of ["day", "channel", "metric", "api_key"] as const) {
          const breakdown = await breakdownBy(tenant, group_by, period.replace("?", "&"));
          expect(breakdown.credits).toBe(usage.credits);
          expect(thousandths(breakdown.groups), group_by).toBe(thousandths(ledger));
          expect(thousandths(breakdown.groups.flatMap((group) => group.metrics))).toBe(thousandths(ledger));
        }
      }),
      { numRuns: 6 },
    );
  }, 120_000);

  test("are all nothing in a workspace where nothing happened", async () => {
    const { tenant } = await withTenant();
    const usage = await getUsage(tenant);
    expect(usage).toMatchObject({ credits: 0, conversations_handled: 0 });
    expect(usage.metrics).toEqual(metrics.map((metric) => ({ metric, quantity: 0, credits: 0 })));
    expect(await getBilling(tenant)).toMatchObject({
      plan: "starter",
      included_credits: 10_000,
      spent_credits: 0,
      remaining_credits: 10_000,
    });
    expect((await breakdownBy(tenant, "channel")).groups).toEqual([]);
  });

  test("of one workspace say nothing of another", async () => {
    const { world, tenant } = await withTenant();
    const neighbour = await world.tenant();
    await tenant.hears("Hello");
    await sumUpUsage(world.services);
    await tenant.hears("Hello again");
    expect(await getUsage(neighbour)).toMatchObject({ credits: 0 });
    expect(await listLedger(neighbour)).toEqual([]);
    expect(await getBilling(neighbour)).toMatchObject({ spent_credits: 0 });
  });
});

describe("adding up", () => {
  test("changes nothing of what is told, however often it is done, and by how many at once", async () => {
    const { world, tenant } = await withTenant();
    for (const text of ["One", "Two", "Three"]) await tenant.hears(text);
    const before = await getUsage(tenant);
    await caughtUp(world.services.db);
    await Promise.all([sumUpUsage(world.services), sumUpUsage(world.services)]);
    await sumUpUsage(world.services);
    const ours = (await rowsOf(tenant, usage_quarter_hours)).filter(({ metric }) => metric === "messages_inbound");
    expect(ours.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(3);
    expect({ ...(await getUsage(tenant)), metrics: [] }).toEqual({ ...before, metrics: [] });
    expect(await countOf(tenant, "messages_inbound")).toEqual({ quantity: 3, credits: 0.3 });
  });

  test.runIf(onPostgres())("misses nothing that is committed late, and adds it once", async () => {
    const { world, tenant } = await withTenant();
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const late = atomically(tenant.ctx, async (tx) => {
      await charge(tx, {}, [{ metric: "compositions", quantity: 1 }]);
      await held;
    });
    await tenant.hears("Hello");
    await sumUpUsage(world.services);
    expect(await countOf(tenant, "compositions")).toMatchObject({ quantity: 0 });
    expect(await countOf(tenant, "messages_inbound")).toMatchObject({ quantity: 1 });
    release();
    await late;
    for (const _ of [1, 2]) {
      expect(await countOf(tenant, "compositions")).toMatchObject({ quantity: 1 });
      expect(await countOf(tenant, "messages_inbound")).toMatchObject({ quantity: 1 });
      await sumUpUsage(world.services);
    }
  });

  test("is done by the sweep, so that nothing is read of the ledger but what came since", async () => {
    const { world, tenant } = await withTenant();
    const { id } = await tenant.hears("Hello");
    await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Good day" } });
    await caughtUp(world.services.db);
    expect((await world.sweep())["charges"]).toBeGreaterThanOrEqual(2);
    expect(await rowsOf(tenant, handled_quarter_hours)).toMatchObject([{ conversation_id: id, channel: "whatsapp" }]);
    expect(await getUsage(tenant)).toMatchObject({ conversations_handled: 1 });
  });
});

describe("a period", () => {
  test.each([
    ["Europe/Berlin", "2026-02-28T23:00:00.000Z", "2026-03-31T22:00:00.000Z"],
    ["America/New_York", "2026-03-01T05:00:00.000Z", "2026-04-01T04:00:00.000Z"],
    ["Asia/Kolkata", "2026-02-28T18:30:00.000Z", "2026-03-31T18:30:00.000Z"],
    ["Africa/Cairo", "2026-02-28T22:00:00.000Z", "2026-03-31T22:00:00.000Z"],
    ["UTC", "2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z"],
  ])("is by default the month as it is in %s", async (timezone, from, to) => {
    const { world, tenant } = await withTenant();
    world.services.now = () => "2026-03-15T12:00:00.000Z";
    await leave(tenant, "embeddings", after(from, -1));
    await leave(tenant, "embeddings", from, { credits: 2 });
    await leave(tenant, "embeddings", after(to, -1), { credits: 4 });
    await leave(tenant, "embeddings", to, { credits: 8 });
    const asked = `?timezone=${encodeURIComponent(timezone)}`;
    expect(await getUsage(tenant, asked)).toMatchObject({ from, to, credits: 6 });
    await sumUpUsage(tenant.ctx);
    expect(await getUsage(tenant, asked)).toMatchObject({ from, to, credits: 6 });
  });

  test("is divided into the days of a time zone, each of which is there", async () => {
    const { world, tenant } = await withTenant();
    world.services.now = () => "2026-03-15T12:00:00.000Z";
    // The clock goes forward on the 29th: the day has 23 hours.
    await leave(tenant, "embeddings", "2026-03-28T22:59:59.999Z");
    await leave(tenant, "embeddings", "2026-03-28T23:00:00.000Z", { credits: 2 });
    await leave(tenant, "embeddings", "2026-03-29T21:59:59.999Z", { credits: 4 });
    await leave(tenant, "embeddings", "2026-03-29T22:00:00.000Z", { credits: 8 });
    const { groups } = await breakdownBy(tenant, "day", "&timezone=Europe/Berlin");
    expect(groups).toHaveLength(31);
    expect(groups.slice(27, 30).map(({ key, credits }) => [key, credits])).toEqual([
      ["2026-03-28", 1],
      ["2026-03-29", 6],
      ["2026-03-30", 8],
    ]);
  });

  test.each([
    ["from=2026-03-01T00:07:00Z", "/from invalid_timestamp"],
    ["to=2026-03-01", "/to invalid_timestamp"],
    ["from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z", "/to too_small"],
    ["from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "/to too_small"],
    ["from=2024-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "/from too_small"],
    ["timezone=Mars/Olympus", "/timezone invalid_timezone"],
    ["timezone=%2B02:00", "/timezone invalid_timezone"],
    ["timezone=europe/berlin", "/timezone invalid_timezone"],
    ["timezone=", "/timezone invalid_timezone"],
  ])("%s is refused, naming the fault", async (asked, fault) => {
    const { tenant } = await withTenant();
    for (const path of [`/v1/usage?${asked}`, `/v1/usage/breakdown?group_by=day&${asked}`]) {
      const { status, body } = await tenant.get<{ errors: { pointer: string; code: string }[] }>(path);
      expect([status, body.errors.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([400, [fault]]);
    }
  });

  test("is divided by day, if nothing else is said", async () => {
    const { tenant } = await withTenant();
    expect(await tenant.get("/v1/usage/breakdown")).toMatchObject({ status: 200, body: { group_by: "day" } });
    expect(await tenant.get("/v1/usage/breakdown?group_by=mood")).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/group_by" }] },
    });
  });
});

describe("the ledger's list", () => {
  test("is filtered by what was charged, where, and whose request it was", async () => {
    const { world, tenant } = await withTenant();
    const sms = await createSandbox(world, tenant, "twilio_sms");
    const { id } = await sms.hears("Hello", freshNumber());
    await tenant.hears("Hello");
    await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Good day" } });
    const { body: me } = await tenant.get<{ api_key: { id: string } }>("/v1/me");
    const found = async (filter: string) => (await listLedger(tenant, filter)).map(({ metric }) => metric).toSorted();
    expect(await found("&metric=sms_segments")).toEqual(["sms_segments"]);
    expect(await found("&channel=whatsapp")).toEqual(["messages_inbound"]);
    expect(await found(`&channel_id=${sms.channel_id}`)).toEqual(["messages_inbound", "messages_outbound", "sms_segments"]);
    expect(await found(`&conversation_id=${id}&metric=messages_inbound&metric=messages_outbound`)).toEqual([
      "messages_inbound",
      "messages_outbound",
    ]);
    expect(await found(`&api_key_id=${me.api_key.id}`)).toEqual(["messages_outbound", "sms_segments"]);
    expect(await found(`&created_after=${after(world.now(), hours(1))}`)).toEqual([]);
    expect(await found(`&created_before=${after(world.now(), -hours(1))}`)).toEqual([]);
  });
});

describe("credits", () => {
  const spend = (tenant: Tenant, metric: PricedMetric, quantity = 1) =>
    atomically(tenant.ctx, (tx) => spendCredits(tx, {}, [{ metric, quantity }])).then(
      () => "spent",
      (error: unknown) => (error as ApiError).code,
    );

  test("that do not suffice stop the AI, and no message", async () => {
    const { tenant } = await withTenant();
    await setPlan(tenant, "free");
    await leave(tenant, "compositions", tenant.ctx.now(), { credits: 498 });
    expect(await spend(tenant, "compositions")).toBe("insufficient_credits");
    expect(await spend(tenant, "knowledge_searches", 5)).toBe("insufficient_credits");
    expect(await spend(tenant, "knowledge_searches", 4)).toBe("spent");
    expect(await getBilling(tenant)).toMatchObject({ spent_credits: 500, remaining_credits: 0 });
    expect(await spend(tenant, "knowledge_searches")).toBe("insufficient_credits");
    expect(new ApiError("insufficient_credits").status).toBe(402);

    const { id } = await tenant.hears("Hello");
    expect((await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Good day" } })).status).toBe(201);
    expect(await getBilling(tenant)).toMatchObject({ plan: "free", included_credits: 500, spent_credits: 501.1, remaining_credits: -1.1 });
  });

  test.runIf(onPostgres())(
    "are spent by twenty at once as by one after the other: to the last one that they pay for, and never beyond",
    async () => {
      const { world, tenant } = await withTenant();
      const neighbour = await world.tenant();
      for (const one of [tenant, neighbour]) await setPlan(one, "free");
      await leave(tenant, "compositions", tenant.ctx.now(), { credits: 490 });
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => spend(tenant, "compositions")));
      expect(outcomes.filter((outcome) => outcome === "spent")).toHaveLength(3);
      expect(new Set(outcomes)).toEqual(new Set(["spent", "insufficient_credits"]));
      expect(await getBilling(tenant)).toMatchObject({ spent_credits: 499, remaining_credits: 1 });
      expect(await spend(neighbour, "compositions")).toBe("spent");
    },
  );

  test.runIf(onPostgres())("that somebody is spending keep no message waiting, and neither does another workspace's AI", async () => {
    const { world, tenant } = await withTenant();
    const neighbour = await world.tenant();
    const { id } = await tenant.hears("Hello");
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let begun = () => {};
    const spending = new Promise<void>((resolve) => (begun = resolve));
    const slow = atomically(tenant.ctx, async (tx) => {
      await spendCredits(tx, {}, [{ metric: "compositions", quantity: 1 }]);
      begun();
      await held;
    });
    await spending;
    expect((await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Good day" } })).status).toBe(201);
    expect(await spend(neighbour, "compositions")).toBe("spent");
    release();
    await slow;
  });

  test("that were spent on what then failed are there again", async () => {
    const { tenant } = await withTenant();
    await atomically(tenant.ctx, async (tx) => {
      await spendCredits(tx, {}, [{ metric: "compositions", quantity: 1 }]);
      throw new Error("the test broke it");
    }).catch(() => {});
    expect(await getBilling(tenant)).toMatchObject({ spent_credits: 0 });
  });

  test("are there again with the next month, in UTC", async () => {
    const { world, tenant } = await withTenant();
    await setPlan(tenant, "free");
    world.services.now = () => "2026-01-31T23:59:59.999Z";
    await leave(tenant, "compositions", world.services.now(), { credits: 500 });
    expect(await getBilling(tenant)).toMatchObject({
      from: "2026-01-01T00:00:00.000Z",
      to: "2026-02-01T00:00:00.000Z",
      remaining_credits: 0,
    });
    world.services.now = () => "2026-02-01T00:00:00.000Z";
    expect(await getBilling(tenant)).toMatchObject({ from: "2026-02-01T00:00:00.000Z", remaining_credits: 500 });
  });
});

describe("what is free", () => {
  test("is counted by the request, with its key, and written in batches", async () => {
    const { world, tenant } = await withTenant();
    const { token, id } = await tenant.mint();
    for (const key of [token, token, tenant.api_key]) await tenant.get("/v1/me", { key });
    expect(await countOf(tenant, "api_requests")).toEqual({ quantity: 0, credits: 0 });
    await world.services.tally.write();
    // The three, and the one that looked before.
    expect(await countOf(tenant, "api_requests")).toEqual({ quantity: 4, credits: 0 });
    const { groups } = await breakdownBy(tenant, "api_key");
    expect(groups.find(({ key }) => key === id)?.metrics).toEqual([{ metric: "api_requests", quantity: 2, credits: 0 }]);
    world.advance(minutes(2));
    await tenant.get("/v1/me");
    await expect.poll(async () => (await countOf(tenant, "api_requests")).quantity).toBeGreaterThan(4);
  });

  test("is a delivery that ended, once, and none that is tried again", async () => {
    const { world, tenant } = await withTenant();
    await tenant.endpoint("http://127.0.0.1:9/hook");
    await tenant.hears("Hello");
    await world.deliver();
    await world.services.tally.write();
    expect(await countOf(tenant, "webhook_deliveries")).toEqual({ quantity: 0, credits: 0 });
    world.advance(hours(25));
    await world.deliver();
    await world.services.tally.write();
    expect(await countOf(tenant, "webhook_deliveries")).toEqual({ quantity: 1, credits: 0 });
  });

  test("and cannot be written is a line of the log, and nobody's fault who asked", async () => {
    const { world, tenant } = await withTenant();
    const db = { execute: () => Promise.reject(new Error("the test broke it")) } as unknown as Db;
    const tally = createTally({ db, now: world.now, log: world.services.log });
    world.advance(minutes(2));
    tally.note("api_requests", tenant);
    await expect.poll(() => world.logged).toMatchObject([{ level: "warn", message: expect.stringContaining("not written") as string }]);
  });
});
