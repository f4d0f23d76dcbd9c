import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { after, hours, minutes, msBetween, seconds, timestamp, type Timestamp } from "../../src/core/time.ts";
import type { ClaimedDelivery } from "../../src/dispatch/claim-deliveries.ts";
import { judge, schedule_ms } from "../../src/dispatch/judge.ts";
import type { PostOutcome } from "../../src/core/poster.ts";
import { createReceiver } from "../support/receiver.ts";
import { attemptsOf, auditOf, breakAt, deliveriesOf, leaveDeliveries, onlyDelivery, storedDelivery } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

const created_at = "2026-11-22T10:15:12.480Z";
const least = () => 0;
const most = () => 0.9999;

/** Of a delivery, what the verdict depends on. */
const tried = (attempts: number, given: Partial<ClaimedDelivery> = {}) =>
  ({ attempts, created_at, resting_status: null, hurried_from: null, extra_attempts: 0, ...given }) as ClaimedDelivery;

const outcome = (given: Partial<PostOutcome> = {}): PostOutcome => ({
  status_code: 500,
  error: "non_2xx",
  duration_ms: 5,
  response_headers: {},
  response_body: "",
  remote_address: "127.0.0.1",
  ...given,
});
const answered = (status_code: number, headers: Record<string, string> = {}) => outcome({ status_code, response_headers: headers });
const silent = outcome({ status_code: null, error: "timeout", response_headers: null, response_body: null, remote_address: null });

/** Every attempt until the delivery is over, each of them `attempt_ms` long. */
function failAll(random: () => number, attempt_ms = 0) {
  const waits: number[] = [];
  let now: Timestamp = created_at;
  for (let attempts = 0; ; attempts++) {
    now = after(now, attempt_ms);
    const verdict = judge(tried(attempts), outcome(), now, random);
    if (verdict.status !== "scheduled") return { waits, verdict, attempts: attempts + 1, last_attempt_at: after(now, -attempt_ms) };
    waits.push(msBetween(now, verdict.due_at));
    now = verdict.due_at;
  }
}

describe("the schedule", () => {
  const planned = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 25_200, 25_200].map(seconds);

  test("waits 5 s, 30 s, 2 m, 10 m, 30 m, 1 h, 2 h, 4 h, 7 h and 7 h, and then the delivery has failed", () => {
    const { waits, verdict, attempts, last_attempt_at } = failAll(least);
    expect(waits).toEqual(planned);
    expect(attempts).toBe(11);
    expect(msBetween(created_at, last_attempt_at)).toBe(hours(21) + minutes(42) + seconds(35));
    expect(verdict).toEqual({ status: "failed", due_at: last_attempt_at, completed_at: last_attempt_at, gone: false });
  });

  test("waits at most a tenth longer, so that all eleven attempts fit into a day even if each takes ten seconds", () => {
    const { waits, attempts } = failAll(most);
    expect(waits).toEqual(planned.map((wait_ms) => Math.round(wait_ms * 1.09999)));
    expect(attempts).toBe(11);
    const slow = failAll(() => 1, seconds(10));
    expect(slow.attempts).toBe(11);
    expect(msBetween(created_at, slow.last_attempt_at)).toBeLessThan(hours(24));
  });

  test("spreads what failed together", () => {
    const dues = new Set(Array.from({ length: 50 }, () => judge(tried(9), outcome(), created_at).due_at));
    expect(dues.size).toBeGreaterThan(40);
  });

  test("goes no further than 24 hours after the event, however late the attempts were", () => {
    const late = after(created_at, hours(20));
    expect(judge(tried(9), outcome(), late, least)).toMatchObject({ status: "scheduled", due_at: after(created_at, hours(24)) });
    expect(judge(tried(2), outcome(), after(created_at, hours(24)), least)).toMatchObject({ status: "failed" });
  });

  test("is over with the first success", () => {
    const now = after(created_at, seconds(7));
    expect(judge(tried(3), outcome({ status_code: 204, error: null }), now)).toEqual({
      status: "succeeded",
      due_at: now,
      completed_at: now,
      gone: false,
    });
  });

  test("is over with it, whatever it says of later", () => {
    const success = outcome({ status_code: 200, error: null, response_headers: { "retry-after": "3600" } });
    expect(judge(tried(0), success, created_at)).toMatchObject({ status: "succeeded", due_at: created_at, completed_at: created_at });
  });

  test("is the same for every kind of failure", () => {
    for (const failure of [answered(302), answered(404), answered(500), silent]) {
      expect(judge(tried(0), failure, created_at, least)).toMatchObject({ status: "scheduled", due_at: after(created_at, seconds(5)) });
    }
  });
});

describe("Retry-After", () => {
  const at = (headers: Record<string, string>, status_code = 429, attempts = 0) =>
    msBetween(created_at, judge(tried(attempts), answered(status_code, headers), created_at, least).due_at);
  const http_date = (ms: number) => new Date(Date.parse(created_at) + ms).toUTCString();

  test.for([429, 503])("in seconds moves the next attempt after a %i later", (status_code) => {
    expect(at({ "retry-after": "90" }, status_code)).toBe(seconds(90));
    expect(at({ "retry-after": " 3600 " }, status_code)).toBe(hours(1));
  });

  test.for([429, 503])("as a date moves the next attempt after a %i later", (status_code) => {
    // An HTTP date has no milliseconds.
    expect(at({ "retry-after": http_date(minutes(10)) }, status_code)).toBe(minutes(10) - 480);
    expect(at({ "retry-after": "Sunday, 22-Nov-26 10:20:12 GMT" }, status_code)).toBe(minutes(5) - 480);
  });

  test("never moves it earlier", () => {
    expect(at({ "retry-after": "1" })).toBe(seconds(5));
    expect(at({ "retry-after": "0" })).toBe(seconds(5));
    expect(at({ "retry-after": "60" }, 429, 3)).toBe(minutes(10));
    expect(at({ "retry-after": http_date(-hours(1)) })).toBe(seconds(5));
  });

  test("never moves it past 24 hours after the event", () => {
    for (const value of ["86401", "999999999", "9".repeat(400), http_date(hours(48)), "Fri, 31 Dec 9999 23:59:59 GMT"]) {
      expect(at({ "retry-after": value })).toBe(hours(24));
    }
    const later = after(created_at, hours(23));
    expect(judge(tried(1), answered(503, { "retry-after": "7200" }), later, least).due_at).toBe(after(created_at, hours(24)));
  });

  test.for([300, 400, 404, 500, 502, 504])("means nothing on a %i", (status_code) => {
    expect(at({ "retry-after": "90" }, status_code)).toBe(seconds(5));
  });

  test.for([
    "",
    "soon",
    "-90",
    "1.5",
    "+90",
    "90s",
    "0x5a",
    "1e3",
    "in 2099 years",
    "Mon, 99 Xyz 2099 00:00:00 GMT",
    "2099-01-01T00:00:00Z",
    "60, 120",
    "9".repeat(400) + "s",
  ])("that reads %j is ignored", (value) => expect(at({ "retry-after": value })).toBe(seconds(5)));
});

test("the next attempt is never earlier than the schedule says, nor later than 24 hours after the event", () => {
  const retry_after = fc.option(
    fc.oneof(
      fc.nat({ max: 2_000_000 }).map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      fc.string(),
    ),
    { nil: undefined },
  );
  fc.assert(
    fc.property(
      fc.nat({ max: 12 }),
      fc.nat({ max: hours(30) }),
      fc.constantFrom(null, 300, 404, 410, 429, 500, 503),
      retry_after,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempts, age_ms, status_code, value, random) => {
        const now = after(created_at, age_ms);
        const expires_at = after(created_at, hours(24));
        const failure = outcome({ status_code, response_headers: value === undefined ? {} : { "retry-after": value } });
        const { status, due_at, completed_at } = judge(tried(attempts), failure, now, () => random);

        const wait_ms = schedule_ms[attempts + 1];
        const may_go_on = wait_ms !== undefined && now < expires_at && status_code !== 410;
        expect(status).toBe(may_go_on ? "scheduled" : "failed");
        expect(completed_at).toBe(may_go_on ? null : now);
        if (!may_go_on) return;
        const planned = after(now, wait_ms);
        expect(due_at >= (planned < expires_at ? planned : expires_at)).toBe(true);
        expect(due_at <= expires_at).toBe(true);
        expect(timestamp(Date.parse(due_at))).toBe(due_at);
      },
    ),
    { numRuns: 2000 },
  );
});

describe("through the front door", () => {
  test("a delivery is tried eleven times within a day, and no more", { timeout: 60_000 }, async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(500);
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    const { created_at: happened_at } = await onlyDelivery(tenant);

    for (let i = 0; i < 15; i++) {
      await world.deliver();
      const { next_attempt_at } = await onlyDelivery(tenant);
      if (next_attempt_at === null) break;
      world.advance(msBetween(world.now(), next_attempt_at) / 2);
      await world.deliver();
      expect(receiver.received).toHaveLength(i + 1);
      world.advance(msBetween(world.now(), next_attempt_at));
    }

    expect(receiver.received.map(({ headers }) => headers["wassla-attempt"])).toEqual(Array.from({ length: 11 }, (_, i) => String(i + 1)));
    const delivery = await onlyDelivery(tenant);
    expect(delivery).toMatchObject({ status: "failed", attempts: 11, last_status_code: 500, last_error: "non_2xx", next_attempt_at: null });
    expect(msBetween(happened_at, delivery.completed_at!)).toBeLessThan(hours(24));
    const attempts = await attemptsOf(tenant, delivery.id);
    expect(attempts.map(({ number, trigger }) => [number, trigger])).toEqual(Array.from({ length: 11 }, (_, i) => [i + 1, "automatic"]));

    world.advance(hours(24));
    await world.deliver();
    expect(receiver.received).toHaveLength(11);
  });

  test("a receiver that asks for time is given it", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver((response) => response.writeHead(429, { "Retry-After": "3600" }).end(), 204);
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await world.deliver();
    world.advance(minutes(58));
    await world.deliver();
    expect(receiver.received).toHaveLength(1);
    world.advance(minutes(2));
    await world.deliver();
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "succeeded", attempts: 2 });
  });

  test("a redirect is a failure and is not followed", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const elsewhere = await createReceiver(204);
    const receiver = await createReceiver((response) => response.writeHead(308, { Location: elsewhere.url }).end());
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await world.deliver();
    expect(elsewhere.received).toEqual([]);
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "pending", attempts: 1, last_status_code: 308, last_error: "non_2xx" });
  });

  test("a receiver that cannot be reached is tried again", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    await tenant.endpoint("http://127.0.0.1:9/hook");
    await tenant.hears("Hello");
    await world.deliver();
    const delivery = await onlyDelivery(tenant);
    expect(delivery).toMatchObject({ status: "pending", attempts: 1, last_status_code: null, last_error: "connection_refused" });
    expect(await attemptsOf(tenant, delivery.id)).toMatchObject([
      { status_code: null, error: "connection_refused", response_headers: null, response_body: null, remote_address: null },
    ]);
  });

  test("an address that is no longer public is not called, and is tried again", async () => {
    let leads_to = ["93.184.215.14"];
    const world = await createWorld({ network: { allow_private_webhooks: false, resolve: async () => leads_to } });
    const tenant = await world.tenant();
    await tenant.endpoint("https://hooks.example.com/");
    await tenant.hears("Hello");
    leads_to = ["10.0.0.1"];
    await world.deliver();
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "pending", attempts: 1, last_error: "blocked_address" });
  });
});

describe("410 Gone", () => {
  test("fails the delivery and disables the endpoint at once, on the record", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(410);
    const endpoint = await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await world.deliver();

    const delivery = await onlyDelivery(tenant);
    expect(delivery).toMatchObject({ status: "failed", attempts: 1, last_status_code: 410, next_attempt_at: null });
    expect(delivery.completed_at).not.toBeNull();
    const { body } = await tenant.get(`/v1/webhook_endpoints/${endpoint.id}`);
    expect(body).toMatchObject({ status: "disabled", enabled: false, disabled_reason: "gone" });
    expect((await auditOf(tenant)).at(-1)).toMatchObject({
      action: "webhook_endpoint.disabled",
      target_id: endpoint.id,
      actor_type: "system",
      details: { reason: "gone" },
    });
  });

  test("cancels what waits for the endpoint, and nothing more is written for it", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(410);
    const endpoint = await tenant.endpoint(receiver.url);
    const [waiting] = await leaveDeliveries(tenant.ctx, endpoint.id, 1, { status: "scheduled", due_at: after(world.now(), hours(1)) });
    await tenant.hears("Hello");
    await world.deliver();
    await tenant.hears("Hello again");
    world.advance(hours(2));
    await world.deliver();

    expect(await storedDelivery(tenant, waiting!)).toMatchObject({ status: "canceled", attempts: 0 });
    expect(await deliveriesOf(tenant)).toHaveLength(2);
    expect(receiver.received).toHaveLength(1);
  });

  test("of several at once disables once", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(410);
    const endpoint = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, endpoint.id, 10);
    await world.deliver();
    expect((await auditOf(tenant)).map(({ action }) => action)).toEqual(["webhook_endpoint.created", "webhook_endpoint.disabled"]);
    expect((await deliveriesOf(tenant)).every(({ status }) => status === "failed")).toBe(true);
  });

  test.for<[string, object[]]>([
    ["at a URL that the endpoint has left", [{ url: "http://127.0.0.1:9/elsewhere" }]],
    ["asked for before somebody enabled the endpoint again", [{ enabled: false }, { enabled: true }]],
  ])("%s fails the delivery, and leaves the endpoint on", async ([, changes]) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(async (response) => {
      for (const change of changes) await tenant.patch(`/v1/webhook_endpoints/${id}`, change);
      response.writeHead(410).end();
    });
    const { id } = await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await world.deliver();
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "failed", last_status_code: 410 });
    expect((await tenant.get(`/v1/webhook_endpoints/${id}`)).body).toMatchObject({ enabled: true, disabled_reason: null });
  });

  test("is recorded with the end of its endpoint or not at all: a crash between the two is made good by the next attempt", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const [receiver, other] = [await createReceiver(410), await createReceiver(204)];
    const { id } = await tenant.endpoint(receiver.url);
    const { id: healthy } = await tenant.endpoint(other.url);
    const [told] = await leaveDeliveries(tenant.ctx, id, 1);
    const [beside] = await leaveDeliveries(tenant.ctx, healthy, 1);
    const mend = breakAt(world, "aud");
    await expect(world.deliver()).rejects.toThrow("500");
    mend();
    expect(await storedDelivery(tenant, told!)).toMatchObject({ status: "delivering", attempts: 0 });
    expect(await storedDelivery(tenant, beside!), "what came of others is kept").toMatchObject({ status: "succeeded" });

    world.advance(seconds(61));
    await world.deliver();
    expect(await storedDelivery(tenant, told!)).toMatchObject({ status: "failed", attempts: 1, last_status_code: 410 });
    expect((await tenant.get(`/v1/webhook_endpoints/${id}`)).body).toMatchObject({ enabled: false, disabled_reason: "gone" });
  });

  test("is the only answer that disables: a delivery that failed for a day leaves the endpoint on", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(404);
    const endpoint = await tenant.endpoint(receiver.url);
    const [last] = await leaveDeliveries(tenant.ctx, endpoint.id, 1, { attempts: 10 });
    await world.deliver();
    expect(await storedDelivery(tenant, last!)).toMatchObject({ status: "failed" });
    expect((await tenant.get(`/v1/webhook_endpoints/${endpoint.id}`)).body).toMatchObject({ enabled: true, status: "failing" });
  });
});
