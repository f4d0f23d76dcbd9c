import { describe, expect, test } from "vitest";
import type { Id } from "../../src/core/ids.ts";
import { after, hours, minutes } from "../../src/core/time.ts";
import type { WebhookAttempt, WebhookDelivery } from "../../src/webhooks/contract.ts";
import { createReceiver } from "../support/receiver.ts";
import { attemptsOf, deliveriesOf, leaveDeliveries, leaveEndpoints, onlyDelivery, replay, type Page } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const url = "http://127.0.0.1:9/hook";
const page = (tenant: Tenant, query: string) => tenant.get<Page<WebhookDelivery>>(`/v1/webhook_deliveries?${query}`);
const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id);

/** A delivery in every state that there is on disk. */
async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id: endpoint_id } = await tenant.endpoint(url);
  const later = after(world.now(), hours(1));
  const leave = async (given: Parameters<typeof leaveDeliveries>[3]) => (await leaveDeliveries(tenant.ctx, endpoint_id, 1, given))[0]!;
  const ids = {
    ready: await leave({ status: "ready" }),
    scheduled: await leave({ status: "scheduled", due_at: later, attempts: 2 }),
    delivering: await leave({ status: "delivering", lease_id: crypto.randomUUID(), lease_until: later }),
    succeeded: await leave({ status: "succeeded", attempts: 1, completed_at: world.now() }),
    failed: await leave({ status: "failed", attempts: 11, completed_at: world.now() }),
    canceled: await leave({ status: "canceled", completed_at: world.now() }),
  };
  return { world, tenant, endpoint_id, ids, later };
}

describe("the log", () => {
  test("holds every delivery, the newest first, as a delivery reads by itself", async () => {
    const { tenant, ids } = await setUp();
    const log = await deliveriesOf(tenant);
    expect(idsOf(log)).toEqual(Object.values(ids).toReversed());
    for (const delivery of log) expect((await tenant.get(`/v1/webhook_deliveries/${delivery.id}`)).body).toEqual(delivery);
  });

  test("calls a delivery pending that may be claimed now or later, and says when", async () => {
    const { tenant, ids, later } = await setUp();
    const [scheduled, ready] = await deliveriesOf(tenant, "&status=pending");
    expect([scheduled, ready]).toMatchObject([
      { id: ids.scheduled, status: "pending", attempts: 2, next_attempt_at: later },
      { id: ids.ready, status: "pending", attempts: 0 },
    ]);
    expect(ready!.next_attempt_at).toBe(ready!.created_at);
    const others = (await deliveriesOf(tenant)).filter(({ status }) => status !== "pending");
    expect(others.map(({ next_attempt_at }) => next_attempt_at)).toEqual([null, null, null, null]);
  });

  test.for(["delivering", "succeeded", "failed", "canceled"] as const)("can be asked for what is %s", async (status) => {
    const { tenant, ids } = await setUp();
    expect(await deliveriesOf(tenant, `&status=${status}`)).toMatchObject([{ id: ids[status], status }]);
  });

  test("can be asked for several states", async () => {
    const { tenant, ids } = await setUp();
    expect(idsOf(await deliveriesOf(tenant, "&status=failed&status=pending"))).toEqual([ids.failed, ids.scheduled, ids.ready]);
  });

  test("can be asked for one event type, one endpoint, one conversation, and all of it together", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const all = await tenant.endpoint(url);
    const ends = await tenant.endpoint(url, { event_types: ["conversation_end"] });
    const one = await tenant.hears("One");
    const other = await tenant.hears("Other");
    await tenant.post(`/v1/conversations/${one.id}/close`);

    const found = async (query: string) =>
      (await deliveriesOf(tenant, query)).map(({ event_type, endpoint_id, conversation_id }) => [
        event_type,
        endpoint_id === all.id ? "all" : "ends",
        conversation_id === one.id ? "one" : "other",
      ]);
    expect(await found("&event_type=new_message")).toEqual([
      ["new_message", "all", "other"],
      ["new_message", "all", "one"],
    ]);
    expect(await found(`&endpoint_id=${ends.id}`)).toEqual([["conversation_end", "ends", "one"]]);
    expect(await found(`&conversation_id=${other.id}`)).toEqual([["new_message", "all", "other"]]);
    expect(await found(`&conversation_id=${one.id}`)).toHaveLength(3);
    expect(await found(`&conversation_id=${one.id}&event_type=conversation_end&endpoint_id=${all.id}&status=pending`)).toEqual([
      ["conversation_end", "all", "one"],
    ]);
    expect(await found(`&conversation_id=${other.id}&event_type=conversation_end`)).toEqual([]);
  });

  test("can be asked for whom one event was told to, and what became of it there", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const [one, other] = [await tenant.endpoint(url), await tenant.endpoint(url)];
    for (const text of ["Hello", "Something else"]) await tenant.hears(text);
    const [{ id }] = (await tenant.get<Page<{ id: string }>>("/v1/events")).body.data as [{ id: string }];
    const told = await deliveriesOf(tenant, `&event_id=${id}`);
    expect(told.map(({ event_id }) => event_id)).toEqual([id, id]);
    expect(told.map(({ endpoint_id }) => endpoint_id).toSorted()).toEqual([one.id, other.id].toSorted());
    const { body } = await tenant.get<Page<WebhookDelivery>>(`/v1/webhook_endpoints/${one.id}/deliveries?event_id=${id}`);
    expect(body.data).toEqual(told.filter(({ endpoint_id }) => endpoint_id === one.id));
    expect(await deliveriesOf(tenant, `&event_id=${id}&status=failed`)).toEqual([]);
  });

  test("can be asked for what was answered, or that nothing was", async () => {
    const { world, tenant, endpoint_id } = await setUp();
    const leave = async (last_status_code: number | null) =>
      (await leaveDeliveries(tenant.ctx, endpoint_id, 1, { status: "failed", last_status_code, last_attempt_at: world.now() }))[0]!;
    const answered = {
      "2xx": await leave(204),
      "3xx": await leave(302),
      "4xx": await leave(410),
      "5xx": await leave(503),
      none: await leave(null),
    };
    for (const [name, id] of Object.entries(answered)) expect(idsOf(await deliveriesOf(tenant, `&response_class=${name}`))).toEqual([id]);
    expect(idsOf(await deliveriesOf(tenant, "&response_class=none&response_class=4xx"))).toEqual([answered.none, answered["4xx"]]);
  });

  test("can be asked for a range of time", async () => {
    const { world, tenant, endpoint_id } = await setUp();
    const [before, after_] = [after(world.now(), hours(1)), after(world.now(), hours(2))];
    world.advance(minutes(90));
    const [inside] = await leaveDeliveries(tenant.ctx, endpoint_id, 1);
    world.advance(minutes(90));
    await leaveDeliveries(tenant.ctx, endpoint_id, 1);
    expect(idsOf(await deliveriesOf(tenant, `&created_after=${before}&created_before=${after_}`))).toEqual([inside]);
  });

  test("of one endpoint is what the whole log has of it, under the same filters", async () => {
    const { tenant, endpoint_id, ids } = await setUp();
    const other = await tenant.endpoint(url);
    await leaveDeliveries(tenant.ctx, other.id, 1, { status: "failed" });
    const ask = (id: string, query = "") => tenant.get<Page<WebhookDelivery>>(`/v1/webhook_endpoints/${id}/deliveries?${query}`);
    expect((await ask(endpoint_id, "limit=100")).body.data).toEqual(await deliveriesOf(tenant, `&endpoint_id=${endpoint_id}`));
    expect(idsOf((await ask(endpoint_id, "status=failed")).body.data)).toEqual([ids.failed]);
    await tenant.delete(`/v1/webhook_endpoints/${other.id}`);
    expect((await ask(other.id)).status).toBe(404);
    expect(await deliveriesOf(tenant, `&endpoint_id=${other.id}`), "what was deleted lives on in the whole log").toHaveLength(1);
  });

  test("holds nothing of another workspace", async () => {
    const { world, ids } = await setUp();
    const stranger = await world.tenant();
    expect(await deliveriesOf(stranger)).toEqual([]);
    const missing = world.services.newId("dlv");
    for (const path of [ids.ready, missing, "dlv_nonsense"].flatMap((id) => [id, `${id}/attempts`])) {
      expect(await stranger.get(`/v1/webhook_deliveries/${path}`)).toMatchObject({ status: 404, body: { code: "not_found" } });
    }
  });

  test.for(["endpoint_id", "event_id", "conversation_id"] as const)(
    "asked for another workspace's %s answers as for a missing or a malformed one: 400, naming the field",
    async (name) => {
      const { world, tenant, endpoint_id } = await setUp();
      const stranger = await world.tenant();
      const conversation_id = (await tenant.hears("Hello")).id;
      const { event_id } = (await deliveriesOf(tenant))[0]!;
      const foreign = { endpoint_id, event_id, conversation_id }[name];
      const missing = world.services.newId(({ endpoint_id: "whe", event_id: "evt", conversation_id: "conv" } as const)[name]);
      const answers = await Promise.all([foreign, missing, "nonsense"].map((id) => page(stranger, `${name}=${id}`)));
      expect(answers[0]).toMatchObject({
        status: 400,
        body: { code: "validation_failed", errors: [{ pointer: `/${name}`, code: "no_such_resource" }] },
      });
      expect(new Set(answers.map(({ status, body }) => JSON.stringify({ status, ...body, request_id: "" }))).size).toBe(1);
    },
  );

  test.for<[string, { pointer: string; code: string }]>([
    ["status=ready", { pointer: "/status/0", code: "not_allowed" }],
    ["status=failed&status=nonsense", { pointer: "/status/1", code: "not_allowed" }],
    ["event_type=message_read", { pointer: "/event_type/0", code: "not_allowed" }],
    ["limit=0", { pointer: "/limit", code: "too_small" }],
    ["limit=101", { pointer: "/limit", code: "too_large" }],
    ["since=2026-01-01", { pointer: "/since", code: "unknown_field" }],
  ])("asked with %s is refused, naming the field", async ([query, fault]) => {
    const tenant = await (await createWorld()).tenant();
    expect(await page(tenant, query)).toMatchObject({ status: 400, body: { code: "validation_failed", errors: [fault] } });
  });

  test("is for administrators, attempts and single deliveries too", async () => {
    const world = await createWorld();
    const tenant = await world.tenant(["read", "write"]);
    const id = world.services.newId("dlv");
    for (const path of ["", `/${id}`, `/${id}/attempts`]) {
      expect(await tenant.get(`/v1/webhook_deliveries${path}`)).toMatchObject({ status: 403, body: { required_scope: "admin" } });
    }
  });
});

describe("pages", () => {
  test("hold every delivery once, while new ones are written and old ones change", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const { id } = await tenant.endpoint(url);
    const ids = await leaveDeliveries(tenant.ctx, id, 10);

    const seen: string[] = [];
    let cursor = "";
    for (let pages = 0; pages < 10; pages++) {
      const { body } = await page(tenant, `limit=3${cursor}`);
      seen.push(...idsOf(body.data));
      await leaveDeliveries(tenant.ctx, id, 2);
      await replay(tenant, ids[pages]!);
      if (body.next_cursor === null) break;
      expect(body.has_more).toBe(true);
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(seen).toEqual(ids.toReversed());
  });

  test("of exactly the limit have no next", async () => {
    const { tenant } = await setUp();
    const { body } = await page(tenant, "limit=6");
    expect(body).toMatchObject({ has_more: false, next_cursor: null });
    expect(body.data).toHaveLength(6);
  });

  test("may change their size on the way, but not their filters", async () => {
    const { tenant, ids } = await setUp();
    const { body: first } = await page(tenant, "limit=1&status=pending&status=failed");
    const next = `cursor=${first.next_cursor}`;
    expect(idsOf((await page(tenant, `limit=2&status=pending&status=failed&${next}`)).body.data)).toEqual([ids.scheduled, ids.ready]);
    for (const query of ["", "status=pending&", "status=pending&status=failed&event_type=new_message&"]) {
      expect(await page(tenant, query + next)).toMatchObject({ status: 400, body: { code: "invalid_cursor" } });
    }
  });

  test("refuse a cursor that is not theirs: another workspace's, another list's, a forged one", async () => {
    const { world, tenant, endpoint_id } = await setUp();
    const stranger = await world.tenant();
    const [their_endpoint] = await leaveEndpoints(stranger.ctx, url, 1);
    await leaveDeliveries(stranger.ctx, their_endpoint!, 2);
    await leaveEndpoints(tenant.ctx, url, 2);

    const mine = (await page(tenant, "limit=1")).body.next_cursor!;
    const theirs = (await page(stranger, "limit=1")).body.next_cursor!;
    const of_endpoints = (await tenant.get<Page<unknown>>("/v1/webhook_endpoints?limit=1")).body.next_cursor!;
    const [position, signature] = mine.split(".") as [string, string];
    const elsewhere = Buffer.from(JSON.stringify([world.now(), endpoint_id])).toString("base64url");
    const forged = [
      `${elsewhere}.${signature}`,
      `${position}.${signature.slice(1)}`,
      `${position}.`,
      position,
      `.${signature}`,
      "nonsense",
      "a.b.c",
    ];

    for (const cursor of [theirs, of_endpoints, ...forged]) {
      expect(await page(tenant, `cursor=${cursor}`), cursor).toMatchObject({ status: 400, body: { code: "invalid_cursor" } });
    }
    expect((await page(tenant, `cursor=${mine}`)).status).toBe(200);
  });
});

describe("attempts", () => {
  test("are listed from the first to the last, with what was asked and what was answered", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const body = `{"error":"${"é".repeat(4000)}"}`;
    const receiver = await createReceiver((response) => response.writeHead(503, { "X-Reason": "busy" }).end(body), 204);
    await tenant.endpoint(receiver.url);
    await tenant.hears("Hello");
    await world.deliver();
    world.advance(minutes(1));
    await world.deliver();

    const delivery = await onlyDelivery(tenant);
    const [first, second] = await attemptsOf(tenant, delivery.id);
    expect(first).toMatchObject({
      object: "webhook_attempt",
      delivery_id: delivery.id,
      number: 1,
      trigger: "automatic",
      url: receiver.url,
      status_code: 503,
      error: "non_2xx",
      response_headers: { "x-reason": "busy" },
      remote_address: "127.0.0.1",
    });
    expect(first!.duration_ms).toSatisfy(Number.isInteger);
    expect(Buffer.byteLength(first!.response_body!)).toBeLessThanOrEqual(4096);
    expect(body.startsWith(first!.response_body!)).toBe(true);
    expect(second).toMatchObject({ number: 2, status_code: 204, error: null, response_body: "" });
    expect(second!.created_at > first!.created_at).toBe(true);
    expect(delivery).toMatchObject({ attempts: 2, last_attempt_at: second!.created_at, last_status_code: 204 });
  });

  test("come in pages, whose cursors belong to one delivery", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const { id } = await tenant.endpoint(url);
    const [one, other] = await leaveDeliveries(tenant.ctx, id, 2);
    for (let i = 0; i < 5; i++) {
      for (const delivery of [one, other]) await replay(tenant, delivery!);
      await world.deliver();
    }
    const attempts = (of: Id<"dlv">, query: string) =>
      tenant.get<Page<WebhookAttempt>>(`/v1/webhook_deliveries/${of}/attempts?limit=2${query}`);
    const first = (await attempts(one!, "")).body;
    const second = (await attempts(one!, `&cursor=${first.next_cursor}`)).body;
    const third = (await attempts(one!, `&cursor=${second.next_cursor}`)).body;
    expect([first, second, third].map(({ data }) => data.map(({ number }) => number))).toEqual([[1, 2], [3, 4], [5]]);
    expect(third).toMatchObject({ has_more: false, next_cursor: null });
    expect(await attempts(other!, `&cursor=${first.next_cursor}`)).toMatchObject({ status: 400, body: { code: "invalid_cursor" } });
  });

  test("can be asked for by what caused them and by what came of them", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(500, 204);
    const { id } = await tenant.endpoint(receiver.url);
    const [delivery] = await leaveDeliveries(tenant.ctx, id, 1);
    await world.deliver();
    await replay(tenant, delivery!);
    await world.deliver();
    const ask = async (query: string) =>
      (await tenant.get<Page<WebhookAttempt>>(`/v1/webhook_deliveries/${delivery}/attempts?${query}`)).body.data.map(
        ({ number }) => number,
      );
    expect(await ask("")).toEqual([1, 2]);
    expect(await ask("trigger=manual")).toEqual([2]);
    expect(await ask("error=non_2xx&error=timeout")).toEqual([1]);
    expect(await ask("response_class=2xx")).toEqual([2]);
    expect(await ask("response_class=none")).toEqual([]);
    expect(await ask(`created_after=${after(world.now(), hours(1))}`)).toEqual([]);
  });

  test("of a delivery that was never tried are none", async () => {
    const { tenant, ids } = await setUp();
    expect(await attemptsOf(tenant, ids.ready)).toEqual([]);
  });
});
