import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Id } from "../../src/core/ids.ts";
import { mine } from "../../src/db/mine.ts";
import type { WebhookEndpoint } from "../../src/webhooks/contract.ts";
import { webhook_deliveries } from "../../src/webhooks/tables.ts";
import { createReceiver } from "../support/receiver.ts";
import {
  attemptsOf,
  auditOf,
  breakAt,
  deliveriesOf,
  leaveDeliveries,
  leaveEndpoints,
  onlyDelivery,
  type Page,
  replay,
  storedDelivery,
} from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const url = "http://127.0.0.1:9/hook";
const production = { allow_private_webhooks: false, resolve: async () => ["93.184.215.14"] };

const create = (tenant: Tenant, given: object = {}) =>
  tenant.post<WebhookEndpoint>("/v1/webhook_endpoints", { url, event_types: ["new_message"], ...given });

const endpointsOf = async (tenant: Tenant) => (await tenant.get<Page<WebhookEndpoint>>("/v1/webhook_endpoints?limit=100")).body.data;

describe("creating", () => {
  test("answers 201 with its Location and what was asked for, every event type and channel once", async () => {
    const tenant = await (await createWorld()).tenant();
    const { status, headers, body } = await create(tenant, {
      event_types: ["new_message", "conversation_end", "new_message"],
      channels: ["whatsapp", "instagram", "whatsapp"],
      name: "  Orders  ",
      enabled: false,
      delivery_id_header: false,
    });
    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`/v1/webhook_endpoints/${body.id}`);
    expect(body).toMatchObject({
      object: "webhook_endpoint",
      url,
      name: "Orders",
      event_types: ["new_message", "conversation_end"],
      channels: ["whatsapp", "instagram"],
      enabled: false,
      status: "disabled",
      disabled_reason: null,
      delivery_id_header: false,
      failing_since: null,
    });
    expect((await tenant.get(headers.get("location")!)).body).toEqual(body);
  });

  test("needs no more than a URL and an event: every channel, enabled, with the delivery_id header", async () => {
    const tenant = await (await createWorld()).tenant();
    expect((await create(tenant)).body).toMatchObject({
      name: null,
      channels: null,
      enabled: true,
      status: "active",
      delivery_id_header: true,
    });
  });

  test("keeps the URL in its normal form", async () => {
    const tenant = await (await createWorld({ network: production })).tenant();
    const { body } = await create(tenant, { url: "HTTPS://Bücher.Example:443/a?b=c" });
    expect(body.url).toBe("https://xn--bcher-kva.example/a?b=c");
  });

  test.for<[string, object, { pointer: string; code: string }]>([
    ["no URL", { url: undefined }, { pointer: "/url", code: "required" }],
    ["an unknown event", { event_types: ["new_message", "message_read"] }, { pointer: "/event_types/1", code: "not_allowed" }],
    ["an empty list of events", { event_types: [] }, { pointer: "/event_types", code: "too_small" }],
    ["no events", { event_types: undefined }, { pointer: "/event_types", code: "required" }],
    ["an unknown channel", { channels: ["telegram"] }, { pointer: "/channels/0", code: "not_allowed" }],
    ["an empty list of channels", { channels: [] }, { pointer: "/channels", code: "too_small" }],
    ["an empty name", { name: "  " }, { pointer: "/name", code: "too_small" }],
    ["a switch that is no boolean", { enabled: "yes" }, { pointer: "/enabled", code: "invalid_type" }],
    ["an unknown field", { secret: "mine" }, { pointer: "/secret", code: "unknown_field" }],
  ])("with %s is refused, naming the field, and leaves nothing", async ([, given, fault]) => {
    const tenant = await (await createWorld()).tenant();
    expect(await create(tenant, given)).toMatchObject({ status: 400, body: { code: "validation_failed", errors: [fault] } });
    expect(await endpointsOf(tenant)).toEqual([]);
    expect(await auditOf(tenant)).toEqual([]);
  });

  test.for<[string, string, string]>([
    ["plain http", "http://hooks.example.com/", "not_https"],
    ["a loopback address", "https://127.0.0.1/", "host_not_allowed"],
    ["a private address", "https://10.0.0.1/", "host_not_allowed"],
    ["a cloud's metadata", "https://169.254.169.254/", "host_not_allowed"],
    ["a name that leads to a private address", "https://inside.example.com/", "host_not_allowed"],
    ["a name that leads nowhere", "https://nowhere.example.com/", "host_not_allowed"],
    ["the service itself", "https://API.wassla.test/v1", "host_not_allowed"],
    ["credentials in the URL", "https://user:pass@hooks.example.com/", "has_credentials"],
    ["something that is no URL", "hooks.example.com", "malformed_url"],
  ])("with %s is refused where webhooks leave for the world, and leaves nothing", async ([, target, code]) => {
    const addresses: Record<string, string[]> = { "inside.example.com": ["93.184.215.14", "10.0.0.1"], "nowhere.example.com": [] };
    const world = await createWorld({ network: { ...production, resolve: async (host) => addresses[host] ?? ["93.184.215.14"] } });
    const tenant = await world.tenant();
    expect(await create(tenant, { url: target })).toMatchObject({
      status: 422,
      body: { code: "webhook_url_not_allowed", errors: [{ pointer: "/url", code }] },
    });
    expect(await endpointsOf(tenant)).toEqual([]);
    expect(await auditOf(tenant)).toEqual([]);
  });

  test("is for administrators", async () => {
    const tenant = await (await createWorld()).tenant(["read", "write"]);
    expect(await create(tenant)).toMatchObject({ status: 403, body: { code: "forbidden", required_scope: "admin" } });
  });

  test("stops at fifty; what was deleted does not count", async () => {
    const tenant = await (await createWorld()).tenant();
    await leaveEndpoints(tenant.ctx, url, 49);
    await leaveEndpoints(tenant.ctx, url, 20, { enabled: false, deleted_at: tenant.ctx.now() });
    const { body: fiftieth } = await create(tenant);

    expect(await create(tenant)).toMatchObject({ status: 422, body: { code: "limit_reached" } });
    expect(await endpointsOf(tenant)).toHaveLength(50);

    await tenant.delete(`/v1/webhook_endpoints/${fiftieth.id}`);
    expect((await create(tenant)).status).toBe(201);
  });

  test("two at once cannot both be the fiftieth", async () => {
    const tenant = await (await createWorld()).tenant();
    await leaveEndpoints(tenant.ctx, url, 49);
    const answers = await Promise.all([create(tenant), create(tenant), create(tenant)]);
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 422, 422]);
    expect(await endpointsOf(tenant)).toHaveLength(50);
  });

  test("is in the audit log, with who did it and where the events go", async () => {
    const tenant = await (await createWorld()).tenant();
    const { body, headers } = await create(tenant);
    expect(await auditOf(tenant)).toMatchObject([
      {
        action: "webhook_endpoint.created",
        target_id: body.id,
        actor_type: "api_key",
        actor_name: "First key",
        details: { url },
        request_id: headers.get("x-request-id"),
      },
    ]);
  });

  test("that fails at its audit entry leaves no endpoint", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    breakAt(world, "aud");
    expect((await create(tenant)).status).toBe(500);
    expect(await endpointsOf(tenant)).toEqual([]);
  });
});

describe("reading", () => {
  test("pages run from the newest to the oldest, and what is made meanwhile does not shift them", async () => {
    const tenant = await (await createWorld()).tenant();
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await create(tenant)).body.id);

    const page = (query: string) => tenant.get<Page<WebhookEndpoint>>(`/v1/webhook_endpoints?limit=2${query}`);
    const first = (await page("")).body;
    await create(tenant);
    const second = (await page(`&cursor=${first.next_cursor}`)).body;
    const third = (await page(`&cursor=${second.next_cursor}`)).body;

    expect([first, second, third].flatMap(({ data }) => data.map(({ id }) => id))).toEqual(made);
    expect([first, second, third].map(({ has_more }) => has_more)).toEqual([true, true, false]);
    expect(third.next_cursor).toBeNull();
  });

  test("a cursor of another workspace is refused", async () => {
    const world = await createWorld();
    const [one, other] = [await world.tenant(), await world.tenant()];
    await leaveEndpoints(one.ctx, url, 2);
    const { body } = await one.get<Page<WebhookEndpoint>>("/v1/webhook_endpoints?limit=1");
    expect((await other.get(`/v1/webhook_endpoints?cursor=${body.next_cursor}`)).body).toMatchObject({
      status: 400,
      code: "invalid_cursor",
    });
  });

  test("another workspace's endpoint, a missing one and a malformed id are all not found", async () => {
    const world = await createWorld();
    const [one, other] = [await world.tenant(), await world.tenant()];
    const { body: theirs } = await create(other);
    for (const id of [theirs.id, one.ctx.newId("whe"), "whe_nonsense"]) {
      for (const ask of [one.get, one.delete])
        expect((await ask(`/v1/webhook_endpoints/${id}`)).body).toMatchObject({ status: 404, code: "not_found" });
    }
    expect(await endpointsOf(one)).toEqual([]);
    expect(await endpointsOf(other)).toHaveLength(1);
  });
});

describe("deleting", () => {
  test("answers with what is gone; it is gone from every list and cannot be deleted again", async () => {
    const tenant = await (await createWorld()).tenant();
    const { body: kept } = await create(tenant);
    const { body: made } = await create(tenant);
    const path = `/v1/webhook_endpoints/${made.id}`;

    expect((await tenant.delete(path)).body).toEqual({ id: made.id, object: "webhook_endpoint", deleted: true });
    expect((await tenant.get(path)).status).toBe(404);
    expect((await tenant.delete(path)).status).toBe(404);
    expect((await endpointsOf(tenant)).map(({ id }) => id)).toEqual([kept.id]);
    expect((await auditOf(tenant)).at(-1)).toMatchObject({ action: "webhook_endpoint.deleted", target_id: made.id, details: { url } });
  });

  test("cancels what waits for it, and nothing that waits for others; its log stays readable", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(500);
    const endpoint = await tenant.endpoint(receiver.url);
    await tenant.hears("The first");
    await world.deliver();
    await tenant.hears("The second");
    const other = await tenant.endpoint(url, { channels: ["instagram"] });
    const [kept] = await leaveDeliveries(tenant.ctx, other.id, 1);

    await tenant.delete(`/v1/webhook_endpoints/${endpoint.id}`);

    const log = await deliveriesOf(tenant, `&endpoint_id=${endpoint.id}`);
    expect(log.map(({ status, attempts, next_attempt_at }) => [status, attempts, next_attempt_at])).toEqual([
      ["canceled", 0, null],
      ["canceled", 1, null],
    ]);
    expect(log[0]!.completed_at).not.toBeNull();
    expect(await attemptsOf(tenant, log[1]!.id)).toMatchObject([{ number: 1, status_code: 500 }]);
    expect(await storedDelivery(tenant, kept!)).toMatchObject({ status: "ready" });

    world.advance(60_000);
    await world.deliver();
    expect(receiver.received).toHaveLength(1);
  });

  test.for<[string, number, string]>([
    ["succeeds", 204, "succeeded"],
    ["fails, and is not tried again", 500, "canceled"],
  ])("does not touch an attempt that is running: it %s", async ([, answer, status]) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver((response) => void deleted().then(() => response.writeHead(answer).end()));
    const { id } = await tenant.endpoint(receiver.url);
    const deleted = () => tenant.delete(`/v1/webhook_endpoints/${id}`);

    await tenant.hears("Hello");
    await world.deliver();

    const delivery = await onlyDelivery(tenant);
    expect(delivery).toMatchObject({ status, attempts: 1, last_status_code: answer, next_attempt_at: null });
    expect(delivery.completed_at).not.toBeNull();
    expect(await attemptsOf(tenant, delivery.id)).toMatchObject([{ status_code: answer }]);
  });

  test("a delivery that was written at the same moment is canceled instead of made", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(204);
    const { id } = await tenant.endpoint(receiver.url);
    await tenant.delete(`/v1/webhook_endpoints/${id}`);
    const [late] = await leaveDeliveries(tenant.ctx, id, 1, { term: 0 });

    await world.deliver();

    expect(receiver.received).toEqual([]);
    expect(await storedDelivery(tenant, late!)).toMatchObject({ status: "canceled", attempts: 0, lease_id: null });
  });

  test("a delivery whose replay was waiting stays as it had ended", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(204);
    const { id } = await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await world.deliver();
    const before = await onlyDelivery(tenant);
    await replay(tenant, before.id);

    await tenant.delete(`/v1/webhook_endpoints/${id}`);

    expect(await onlyDelivery(tenant)).toMatchObject({ status: "succeeded", completed_at: before.completed_at });
  });

  test("makes every replay a 409 endpoint_disabled", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(204);
    const { id } = await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await world.deliver();
    await tenant.delete(`/v1/webhook_endpoints/${id}`);

    const delivery = await onlyDelivery(tenant);
    expect(await replay(tenant, delivery.id)).toMatchObject({ status: 409, body: { code: "endpoint_disabled" } });
    expect(await onlyDelivery(tenant)).toEqual(delivery);
  });

  test("that fails at its audit entry leaves the endpoint and what waits for it", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const { id } = await tenant.endpoint(url);
    await tenant.hears("Hello");
    const mend = breakAt(world, "aud");
    expect((await tenant.delete(`/v1/webhook_endpoints/${id}`)).status).toBe(500);
    mend();

    expect((await tenant.get(`/v1/webhook_endpoints/${id}`)).body).toMatchObject({ enabled: true });
    const waiting = await tenant.ctx.db
      .select({ status: webhook_deliveries.status })
      .from(webhook_deliveries)
      .where(and(mine(tenant.ctx, webhook_deliveries), eq(webhook_deliveries.endpoint_id, id as Id<"whe">)));
    expect(waiting).toEqual([{ status: "ready" }]);
  });
});
