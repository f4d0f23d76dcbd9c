import { asc } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { hours, seconds } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import type { WebhookSecret } from "../../src/webhooks/contract.ts";
import { secretPlace } from "../../src/webhooks/secrets.ts";
import { webhook_secrets } from "../../src/webhooks/tables.ts";
import { createReceiver } from "../support/receiver.ts";
import { attemptsOf, auditOf, breakAt, onlyDelivery, verifies } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const rotate = (tenant: Tenant, body: object = {}) => tenant.post<WebhookSecret & { secret: string }>("/v1/webhook_secret/rotate", body);
const describeSecret = async (tenant: Tenant) => (await tenant.get<WebhookSecret>("/v1/webhook_secret")).body;
const rowsOf = ({ ctx }: Tenant) =>
  ctx.db.select().from(webhook_secrets).where(mine(ctx, webhook_secrets)).orderBy(asc(webhook_secrets.version));

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(204);
  await tenant.endpoint(receiver.url);
  /** What a receiver is sent at this moment. */
  const next = async () => {
    await tenant.hears("Hello");
    await world.deliver();
    return receiver.received.at(-1)!;
  };
  return { world, tenant, receiver, next };
}

describe("the secret", () => {
  test("is 32 random bytes behind whsec_, one for each workspace", async () => {
    const world = await createWorld();
    const [one, other] = [await world.tenant(), await world.tenant()];
    for (const { webhook_secret } of [one, other]) expect(webhook_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(one.webhook_secret).not.toBe(other.webhook_secret);
  });

  test("is described by its last four characters and never shown", async () => {
    const tenant = await (await createWorld()).tenant();
    const described = await describeSecret(tenant);
    expect(described).toEqual({
      object: "webhook_secret",
      hint: tenant.webhook_secret.slice(-4),
      created_at: described.created_at,
      previous: [],
    });
    await rotate(tenant);
    expect(JSON.stringify(await describeSecret(tenant))).not.toContain("whsec_");
  });

  test("is sealed on disk, for its own workspace alone", async () => {
    const world = await createWorld();
    const [tenant, stranger] = [await world.tenant(), await world.tenant()];
    const [row] = await rowsOf(tenant);
    const { vault } = world.services;
    const bytes = Buffer.from(tenant.webhook_secret.slice("whsec_".length), "base64");
    for (const encoding of ["utf8", "base64", "base64url", "hex"] as const) expect(row!.sealed).not.toContain(bytes.toString(encoding));
    expect(vault.open("webhook_secrets", secretPlace(tenant.workspace_id), row!.sealed)).toBe(tenant.webhook_secret);
    expect(() => vault.open("webhook_secrets", secretPlace(stranger.workspace_id), row!.sealed)).toThrow();
    expect(() => vault.open("channel_credentials", secretPlace(tenant.workspace_id), row!.sealed)).toThrow();
  });

  describe("that cannot be opened", () => {
    /** As when a process is started with another master key. */
    async function setUpUnreadable() {
      const world = await createWorld();
      const tenant = await world.tenant();
      const receiver = await createReceiver(204);
      const { id } = await tenant.endpoint(receiver.url);
      const [row] = await rowsOf(tenant);
      const sealAs = (sealed: string) => tenant.ctx.db.update(webhook_secrets).set({ sealed }).where(mine(tenant.ctx, webhook_secrets));
      await sealAs(row!.sealed.replace(/^v1\.\w+/, "v1.00000000"));
      return { world, tenant, receiver, id, mend: () => sealAs(row!.sealed), sealed: row!.sealed };
    }

    test("fails only its own workspace's attempts, which say whose fault it is, and are made again by the schedule", async () => {
      const { world, tenant, receiver, mend, sealed } = await setUpUnreadable();
      const neighbour = await world.tenant();
      const neighbours = await createReceiver(204);
      await neighbour.endpoint(neighbours.url);
      await tenant.hears("Hello");
      await neighbour.hears("Hello");

      await world.deliver();
      expect(neighbours.received).toHaveLength(1);
      expect(receiver.received).toEqual([]);
      const delivery = await onlyDelivery(tenant);
      expect(delivery).toMatchObject({ status: "pending", attempts: 1, last_error: "service_error", last_status_code: null });
      expect(await attemptsOf(tenant, delivery.id)).toMatchObject([{ number: 1, error: "service_error", remote_address: null }]);
      expect(world.logged).toMatchObject([{ level: "error", fields: { workspace_id: tenant.workspace_id, sealed: "secrets" } }]);
      expect(JSON.stringify(world.logged)).not.toContain(sealed);

      await mend();
      world.advance(seconds(6));
      await world.deliver();
      expect(receiver.received).toHaveLength(1);
      expect(await onlyDelivery(tenant)).toMatchObject({ status: "succeeded", attempts: 2 });
    });

    test("for a day leaves a delivery that has failed, for all to see", async () => {
      const { world, tenant } = await setUpUnreadable();
      await tenant.hears("Hello");
      for (let hour = 0; hour < 30; hour++) {
        await world.deliver();
        world.advance(hours(1));
      }
      expect(await onlyDelivery(tenant)).toMatchObject({ status: "failed", last_error: "service_error" });
    });

    test("is what a test of the endpoint answers", async () => {
      const { tenant, id } = await setUpUnreadable();
      const { status, body } = await tenant.post(`/v1/webhook_endpoints/${id}/test`, {});
      expect(status).toBe(200);
      expect(body).toMatchObject({ delivery: { status: "failed" }, attempt: { error: "service_error", trigger: "test" } });
    });
  });
});

describe("a rotation", () => {
  test("shows the new secret once, with its hint and that of the one it replaces", async () => {
    const tenant = await (await createWorld()).tenant();
    const { status, body } = await rotate(tenant, { grace_period_seconds: 3600 });
    expect(status).toBe(200);
    expect(body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(body.secret).not.toBe(tenant.webhook_secret);
    expect(body.hint).toBe(body.secret.slice(-4));
    expect(body.previous).toMatchObject([{ hint: tenant.webhook_secret.slice(-4) }]);
    const { secret: _, ...described } = body;
    expect(await describeSecret(tenant)).toEqual(described);
  });

  test("signs with both until the grace period ends, and then with the new one alone", async () => {
    const { world, tenant, next } = await setUp();
    const { secret } = (await rotate(tenant, { grace_period_seconds: 60 })).body;

    const during = await next();
    expect(during.headers["webhook-signature"]).toMatch(/^v1,\S+ v1,\S+$/);
    expect([secret, tenant.webhook_secret].map((live) => verifies(live, during))).toEqual([true, true]);

    world.advance(seconds(61));
    const after = await next();
    expect(after.headers["webhook-signature"]).toMatch(/^v1,\S+$/);
    expect([secret, tenant.webhook_secret].map((live) => verifies(live, after))).toEqual([true, false]);
    expect((await describeSecret(tenant)).previous).toEqual([]);
  });

  test("without a grace period ends the old secret at once", async () => {
    const { tenant, next } = await setUp();
    const { body } = await rotate(tenant, { grace_period_seconds: 0 });
    expect(body.previous).toEqual([]);
    const request = await next();
    expect([body.secret, tenant.webhook_secret].map((live) => verifies(live, request))).toEqual([true, false]);
  });

  test("has a grace period of a day unless it says otherwise", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    await rotate(tenant);
    world.advance(hours(24) - seconds(10));
    expect((await describeSecret(tenant)).previous).toHaveLength(1);
    world.advance(seconds(11));
    expect((await describeSecret(tenant)).previous).toEqual([]);
  });

  test("made three times within the grace period keeps every secret that is live, each to its own end", async () => {
    const { world, tenant, next } = await setUp();
    const secrets = [tenant.webhook_secret];
    for (const grace_period_seconds of [60, 120, 180]) secrets.unshift((await rotate(tenant, { grace_period_seconds })).body.secret);
    const { hint, previous } = await describeSecret(tenant);
    expect([hint, ...previous.map((earlier) => earlier.hint)]).toEqual(secrets.map((secret) => secret.slice(-4)));

    const request = await next();
    expect(String(request.headers["webhook-signature"]).split(" ")).toHaveLength(4);
    expect(secrets.map((secret) => verifies(secret, request))).toEqual([true, true, true, true]);

    world.advance(seconds(100));
    const later = await next();
    expect(secrets.map((secret) => verifies(secret, later))).toEqual([true, true, true, false]);
  });

  test("that would let more than five sign at once is refused, and ends nothing that was promised; one without a grace period never is", async () => {
    const { world, tenant, next } = await setUp();
    for (const grace_period_seconds of [60, 120, 180, 240]) await rotate(tenant, { grace_period_seconds });
    const before = await rowsOf(tenant);
    expect(await rotate(tenant, { grace_period_seconds: 1 })).toMatchObject({ status: 422, body: { code: "limit_reached" } });
    expect(await rowsOf(tenant)).toEqual(before);

    // The current one has leaked.
    const { status, body } = await rotate(tenant, { grace_period_seconds: 0 });
    expect(status).toBe(200);
    expect(body.previous.map(({ hint }) => hint)).not.toContain(before[4]!.hint);
    expect(String((await next()).headers["webhook-signature"]).split(" ")).toHaveLength(5);

    world.advance(seconds(61));
    expect((await rotate(tenant)).status).toBe(200);
    await tenant.post("/v1/webhook_secret/expire_previous");
    expect((await rotate(tenant)).status).toBe(200);
  });

  test("asked for twice at once happens twice", async () => {
    const { tenant, next } = await setUp();
    const answers = await Promise.all([rotate(tenant), rotate(tenant), rotate(tenant)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const request = await next();
    const secrets = [tenant.webhook_secret, ...answers.map(({ body }) => body.secret)];
    expect(secrets.map((secret) => verifies(secret, request))).toEqual([true, true, true, true]);
    expect(await rowsOf(tenant)).toMatchObject([{ version: 1 }, { version: 2 }, { version: 3 }, { version: 4, expires_at: null }]);
  });

  test.for<[string, object, { pointer: string; code: string }]>([
    ["more than seven days", { grace_period_seconds: 604_801 }, { pointer: "/grace_period_seconds", code: "too_large" }],
    ["less than nothing", { grace_period_seconds: -1 }, { pointer: "/grace_period_seconds", code: "too_small" }],
    ["half a second", { grace_period_seconds: 0.5 }, { pointer: "/grace_period_seconds", code: "invalid_type" }],
    ["words", { grace_period_seconds: "a day" }, { pointer: "/grace_period_seconds", code: "invalid_type" }],
    ["an unknown field", { secret: "whsec_mine" }, { pointer: "/secret", code: "unknown_field" }],
  ])("with %s is refused, and changes nothing", async ([, body, fault]) => {
    const tenant = await (await createWorld()).tenant();
    const before = await rowsOf(tenant);
    expect(await rotate(tenant, body)).toMatchObject({ status: 400, body: { code: "validation_failed", errors: [fault] } });
    expect(await rowsOf(tenant)).toEqual(before);
  });

  test("is for administrators, and so is the description", async () => {
    const tenant = await (await createWorld()).tenant(["read", "write"]);
    expect(await rotate(tenant)).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect(await tenant.get("/v1/webhook_secret")).toMatchObject({ status: 403, body: { code: "forbidden" } });
  });

  test("is in the audit log without the secret; one that fails there leaves the old secret as it was", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const before = await rowsOf(tenant);
    const mend = breakAt(world, "aud");
    expect((await rotate(tenant)).status).toBe(500);
    mend();
    expect(await rowsOf(tenant)).toEqual(before);

    const { secret } = (await rotate(tenant, { grace_period_seconds: 60 })).body;
    const entries = await auditOf(tenant);
    expect(entries).toMatchObject([{ action: "webhook_secret.rotated", actor_type: "api_key", details: { grace_period_seconds: 60 } }]);
    expect(JSON.stringify(entries)).not.toContain(secret.slice("whsec_".length));
  });

  test("is brought to its end early: from then on only the new secret signs, and so it stays", async () => {
    const { world, tenant, receiver } = await setUp();
    const { body: rotated } = await rotate(tenant);
    const ended = await tenant.post<WebhookSecret>("/v1/webhook_secret/expire_previous");
    expect(ended).toMatchObject({ status: 200, body: { hint: rotated.hint, previous: [] } });
    expect(await describeSecret(tenant)).toEqual(ended.body);
    await tenant.hears("Hello");
    await world.deliver();
    const request = receiver.received.at(-1)!;
    expect([verifies(tenant.webhook_secret, request), verifies(rotated.secret, request)]).toEqual([false, true]);

    const deeds = (await auditOf(tenant)).filter(({ action }) => action === "webhook_secret.previous_expired");
    expect(deeds).toMatchObject([{ details: { hints: [tenant.webhook_secret.slice(-4)] } }]);
    await tenant.post("/v1/webhook_secret/expire_previous");
    expect((await auditOf(tenant)).filter(({ action }) => action === "webhook_secret.previous_expired")).toHaveLength(1);
  });

  test("does not touch another workspace's secret", async () => {
    const world = await createWorld();
    const [tenant, neighbour] = [await world.tenant(), await world.tenant()];
    const before = await rowsOf(neighbour);
    await rotate(tenant, { grace_period_seconds: 0 });
    expect(await rowsOf(neighbour)).toEqual(before);
  });
});
