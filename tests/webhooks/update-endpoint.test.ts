import { describe, expect, test } from "vitest";
import { mine } from "../../src/db/mine.ts";
import type { WebhookEndpoint } from "../../src/webhooks/contract.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { auditOf, breakAt, deliveriesOf, leaveDeliveries, onlyDelivery, storedDelivery, type Page } from "../support/webhooks.ts";
import { webhook_endpoints } from "../../src/webhooks/tables.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const url = "http://127.0.0.1:9/hook";
const change = (tenant: Tenant, id: string, body: object) => tenant.patch<WebhookEndpoint>(`/v1/webhook_endpoints/${id}`, body);
const read = async (tenant: Tenant, id: string) => (await tenant.get<WebhookEndpoint>(`/v1/webhook_endpoints/${id}`)).body;

async function setUp(given: object = {}) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id } = await tenant.endpoint(url, given);
  return { world, tenant, id };
}

describe("a change", () => {
  test("is made of what is named, and leaves the rest", async () => {
    const { world, tenant, id } = await setUp({ name: "Orders", channels: ["whatsapp"] });
    const before = await read(tenant, id);
    world.advance(1000);
    const wanted = { url: "http://127.0.0.1:10/other", event_types: ["tool_call", "tool_call"], name: null, delivery_id_header: false };
    const { status, body } = await change(tenant, id, wanted);
    expect(status).toBe(200);
    expect(body).toEqual({ ...before, ...wanted, event_types: ["tool_call"], updated_at: body.updated_at });
    expect(body.updated_at > before.updated_at).toBe(true);
    expect((await change(tenant, id, { channels: null })).body.channels).toBeNull();
    expect(await read(tenant, id)).toMatchObject({ channels: null, name: null });
  });

  test("of nothing, or to what is so already, changes nothing and is nobody's deed", async () => {
    const { tenant, id } = await setUp({ name: "Orders" });
    const before = await read(tenant, id);
    const deeds = await auditOf(tenant);
    for (const body of [{}, { name: "Orders" }, { enabled: true, url }, { headers: { "x-gone": null } }])
      expect((await change(tenant, id, body)).body).toEqual(before);
    expect(await auditOf(tenant)).toEqual(deeds);
  });

  test("of the URL sends what waits to the new one", async () => {
    const { world, tenant, id } = await setUp();
    const receiver = await createReceiver(204);
    await leaveDeliveries(tenant.ctx, id as never, 1);
    await change(tenant, id, { url: receiver.url });
    await world.deliver();
    expect(receiver.received).toHaveLength(1);
  });

  test.for<[string, object, number, object]>([
    ["a private URL", { url: "https://10.0.0.1/" }, 422, { code: "webhook_url_not_allowed" }],
    ["no URL", { url: "nowhere" }, 422, { code: "webhook_url_not_allowed" }],
    ["no event", { event_types: [] }, 400, { errors: [{ pointer: "/event_types", code: "too_small" }] }],
    ["an unknown event", { event_types: ["message_read"] }, 400, { errors: [{ pointer: "/event_types/0", code: "not_allowed" }] }],
    ["an unknown channel", { channels: ["telegram"] }, 400, { errors: [{ pointer: "/channels/0", code: "not_allowed" }] }],
    ["no channel", { channels: [] }, 400, { errors: [{ pointer: "/channels", code: "too_small" }] }],
    ["a URL that is null", { url: null }, 400, { errors: [{ pointer: "/url", code: "invalid_type" }] }],
  ])("to %s is refused and changes nothing", async ([, body, status, problem]) => {
    const { tenant, id } = await setUp();
    const before = await read(tenant, id);
    expect(await change(tenant, id, body)).toMatchObject({ status, body: problem });
    expect(await read(tenant, id)).toEqual(before);
  });

  test("that fails at its audit entry is not made", async () => {
    const { world, tenant, id } = await setUp();
    const before = await read(tenant, id);
    const mend = breakAt(world, "aud");
    expect((await change(tenant, id, { name: "Lost", enabled: false })).status).toBe(500);
    mend();
    expect(await read(tenant, id)).toEqual(before);
  });

  test("is in the audit log: which fields, and never a header's value", async () => {
    const { tenant, id } = await setUp();
    await change(tenant, id, { name: "Orders", headers: { "X-Api-Key": "a key of theirs" } });
    const [, updated] = await auditOf(tenant);
    expect(updated).toMatchObject({
      action: "webhook_endpoint.updated",
      target_id: id,
      details: { changed: ["name", "headers"], from: { name: null }, to: { name: "Orders" } },
    });
    expect(JSON.stringify(updated)).not.toContain("a key of theirs");
  });
});

describe("an endpoint that is disabled", () => {
  test("is told of nothing, and what waited for it is canceled", async () => {
    const { tenant, id } = await setUp();
    await tenant.hears("Hello");
    const disabled = await change(tenant, id, { enabled: false });
    expect(disabled.body).toMatchObject({ enabled: false, status: "disabled", disabled_reason: null });
    await tenant.hears("Is anybody there?");
    expect(await deliveriesOf(tenant)).toMatchObject([{ status: "canceled" }]);
  });

  test("lets an attempt that is running end as it ends", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(async (response) => {
      await change(tenant, slow.id, { enabled: false });
      response.writeHead(204).end();
    });
    const slow = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, slow.id, 1);
    await world.deliver();
    expect(await onlyDelivery(tenant)).toMatchObject({ status: "succeeded", attempts: 1 });
  });

  test("leaves a replay unmade, and its delivery as it had ended", async () => {
    const { world, tenant, id } = await setUp();
    const [delivery] = await leaveDeliveries(tenant.ctx, id as never, 1, { status: "failed", completed_at: world.now() });
    await tenant.post(`/v1/webhook_deliveries/${delivery}/replay`);
    await change(tenant, id, { enabled: false });
    expect(await storedDelivery(tenant, delivery!)).toMatchObject({ status: "failed", resting_status: null });
  });

  test("because it was gone comes back as new", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(410, 204);
    const gone = await tenant.endpoint(receiver.url);
    await leaveDeliveries(tenant.ctx, gone.id, 1);
    await world.deliver();
    expect(await read(tenant, gone.id)).toMatchObject({ enabled: false, disabled_reason: "gone" });

    const { body } = await change(tenant, gone.id, { enabled: true });
    expect(body).toMatchObject({ enabled: true, status: "active", disabled_reason: null, failing_since: null });
    await leaveDeliveries(tenant.ctx, gone.id, 1);
    expect(await world.deliver()).toMatchObject({ succeeded: 1 });
  });
});

describe("headers of the receiver's own", () => {
  test("are sent with every request, and shown by name alone", async () => {
    const { world, tenant } = await setUp();
    const receiver = await createReceiver(204);
    const { id } = await tenant.endpoint(receiver.url, { headers: { "X-Api-Key": "a key of theirs", Authorization: "Bearer t0ken" } });
    expect((await read(tenant, id)).header_names).toEqual(["x-api-key", "authorization"]);
    expect(JSON.stringify(await read(tenant, id))).not.toContain("theirs");
    await leaveDeliveries(tenant.ctx, id, 1);
    await world.deliver();
    expect(receiver.received[0]!.headers).toMatchObject({ "x-api-key": "a key of theirs", authorization: "Bearer t0ken" });
  });

  test("are sealed on disk, for their own workspace alone", async () => {
    const { tenant } = await setUp({ headers: { "X-Api-Key": "a key of theirs" } });
    const [row] = await rowsOf(tenant, webhook_endpoints);
    expect(row!.sealed_headers).toMatch(/^v1\./);
    expect(JSON.stringify(row)).not.toContain("a key of theirs");
  });

  describe("that cannot be opened", () => {
    async function setUpUnreadable() {
      const { world, tenant, id } = await setUp({ headers: { "X-Api-Key": "a key of theirs" } });
      const [row] = await rowsOf(tenant, webhook_endpoints);
      const sealed = row!.sealed_headers!;
      const set = (sealed_headers: string) =>
        tenant.ctx.db.update(webhook_endpoints).set({ sealed_headers }).where(mine(tenant.ctx, webhook_endpoints));
      await set(sealed.replace(/^v1\.\w+/, "v1.00000000"));
      return { world, tenant, id, sealed, restore: () => set(sealed) };
    }

    test("leave the endpoint to be seen and listed, without their names, and the service knows", async () => {
      const { world, tenant, id, sealed } = await setUpUnreadable();
      const other = await tenant.endpoint("http://127.0.0.1:10/other");
      const { status, body } = await tenant.get<Page<WebhookEndpoint>>("/v1/webhook_endpoints");
      expect(status).toBe(200);
      expect(body.data.map((endpoint) => endpoint.id)).toEqual([other.id, id]);
      expect(await tenant.get(`/v1/webhook_endpoints/${id}`)).toMatchObject({ status: 200, body: { id, header_names: [] } });
      expect(world.logged[0]).toMatchObject({ level: "error", fields: { endpoint_id: id, sealed: "headers" } });
      expect(JSON.stringify(world.logged)).not.toContain(sealed);
    });

    test("stay as they are while none is named, and are whole again with their key", async () => {
      const { tenant, id, restore } = await setUpUnreadable();
      expect(await change(tenant, id, { name: "Orders", headers: {} })).toMatchObject({ status: 200, body: { name: "Orders" } });
      expect((await change(tenant, id, { enabled: false })).status).toBe(200);
      await restore();
      expect((await read(tenant, id)).header_names).toEqual(["x-api-key"]);
    });

    test.for<[string, Record<string, string | null>, string[]]>([
      ["set anew", { "X-Token": "another" }, ["x-token"]],
      ["removed", { "X-Api-Key": null }, []],
    ])("are mended by being %s", async ([, headers, names]) => {
      const { world, tenant, id } = await setUpUnreadable();
      const receiver = await createReceiver(204);
      expect(await change(tenant, id, { headers, url: receiver.url })).toMatchObject({ status: 200, body: { header_names: names } });
      await leaveDeliveries(tenant.ctx, id as never, 1);
      expect(await world.deliver()).toMatchObject({ succeeded: 1 });
      expect(Object.keys(receiver.received[0]!.headers).filter((name) => /^x-(api|token)/.test(name))).toEqual(names);
      expect((await auditOf(tenant)).at(-1)).toMatchObject({ details: { changed: expect.arrayContaining(["headers"]) as unknown } });
    });

    test("let the endpoint be deleted", async () => {
      const { world, tenant, id } = await setUpUnreadable();
      const path = `/v1/webhook_endpoints/${id}`;
      const seen = (await tenant.get(path)).headers.get("etag")!;
      const answer = await world.request(path, { method: "DELETE", key: tenant.api_key, headers: { "If-Match": seen } });
      expect(answer).toMatchObject({ status: 200, body: { id, deleted: true } });
    });
  });

  test("are patched: one that is null goes, one that is not named stays, and names know no case", async () => {
    const { tenant, id } = await setUp({ headers: { "X-One": "1", "X-Two": "2" } });
    expect((await change(tenant, id, { headers: { "x-one": null, "X-THREE": "3" } })).body.header_names).toEqual(["x-two", "x-three"]);
    expect((await change(tenant, id, { headers: { "X-Two": null, "X-Three": null } })).body.header_names).toEqual([]);
  });

  test.for<[string, Record<string, string | null>, object[]]>([
    ["one of ours", { "Webhook-Id": "x" }, [{ pointer: "/headers/Webhook-Id", code: "reserved_header" }]],
    ["the documented id's", { delivery_id: "x" }, [{ pointer: "/headers/delivery_id", code: "reserved_header" }]],
    ["our own prefix", { "wassla-test": "x" }, [{ pointer: "/headers/wassla-test", code: "reserved_header" }]],
    ["one of ours behind CGI", { webhook_signature: "x" }, [{ pointer: "/headers/webhook_signature", code: "reserved_header" }]],
    ["our own prefix behind CGI", { Wassla_Event: "x" }, [{ pointer: "/headers/Wassla_Event", code: "reserved_header" }]],
    ["the documented id's with a hyphen", { "Delivery-Id": "x" }, [{ pointer: "/headers/Delivery-Id", code: "reserved_header" }]],
    ["the length's behind CGI", { content_length: "1" }, [{ pointer: "/headers/content_length", code: "reserved_header" }]],
    ["the body's type", { "Content-Type": "text/plain" }, [{ pointer: "/headers/Content-Type", code: "reserved_header" }]],
    ["the host's", { Host: "internal" }, [{ pointer: "/headers/Host", code: "reserved_header" }]],
    ["a hop's own", { "Transfer-Encoding": "chunked" }, [{ pointer: "/headers/Transfer-Encoding", code: "reserved_header" }]],
    ["a proxy's", { "Proxy-Authorization": "x" }, [{ pointer: "/headers/Proxy-Authorization", code: "reserved_header" }]],
    ["a removal of ours", { "user-agent": null }, [{ pointer: "/headers/user-agent", code: "reserved_header" }]],
    ["no token", { "X Key": "x" }, [{ pointer: "/headers/X Key", code: "invalid_header_name" }]],
    ["a path", { "a/b~c": "x" }, [{ pointer: "/headers/a~1b~0c", code: "invalid_header_name" }]],
    ["nothing", { "": "x" }, [{ pointer: "/headers/", code: "invalid_header_name" }]],
    ["a second line", { "X-A": "x\r\nX-B: y" }, [{ pointer: "/headers/X-A", code: "invalid_header_value" }]],
    ["no ASCII", { "X-A": "é" }, [{ pointer: "/headers/X-A", code: "invalid_header_value" }]],
    ["space around", { "X-A": " x " }, [{ pointer: "/headers/X-A", code: "invalid_header_value" }]],
    ["no value", { "X-A": "" }, [{ pointer: "/headers/X-A", code: "invalid_header_value" }]],
    [
      "one name twice",
      { "X-A": "1", "x-a": "2" },
      [
        { pointer: "/headers/X-A", code: "duplicate_header" },
        { pointer: "/headers/x-a", code: "duplicate_header" },
      ],
    ],
  ])("that are %s are refused by name, when an endpoint is made and when it is changed", async ([, headers, errors]) => {
    const { tenant, id } = await setUp();
    const refused = { status: 400, body: { code: "validation_failed", errors } };
    expect(await tenant.post("/v1/webhook_endpoints", { url, event_types: ["new_message"], headers })).toMatchObject(refused);
    expect(await change(tenant, id, { headers })).toMatchObject(refused);
    expect((await read(tenant, id)).header_names).toEqual([]);
  });

  const many = (count: number, from = 0) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${from + n}`, "v"]));

  test("are at most twenty, of which one request may replace each", async () => {
    const { tenant, id } = await setUp({ headers: many(20) });
    expect(await change(tenant, id, { headers: many(1, 20) })).toMatchObject({ status: 422, body: { code: "limit_reached" } });
    expect((await change(tenant, id, { headers: { ...many(1, 20), "x-0": null } })).body.header_names).toHaveLength(20);
    const gone = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`x-${n + 1}`, null]));
    expect((await change(tenant, id, { headers: { ...gone, ...many(20, 30) } })).body.header_names).toHaveLength(20);
  });

  test("of which a request names very many are refused before they are looked at", async () => {
    const { tenant, id } = await setUp();
    const refused = { status: 400, body: { code: "validation_failed", errors: [{ pointer: "/headers", code: "too_large" }] } };
    expect(await change(tenant, id, { headers: many(41) })).toMatchObject(refused);
    const started_ms = performance.now();
    const headers = many(20_000);
    expect(await tenant.post("/v1/webhook_endpoints", { url, event_types: ["new_message"], headers })).toMatchObject(refused);
    // Each compared with each other took a minute, in which the process did nothing else.
    expect(performance.now() - started_ms).toBeLessThan(2000);
  });
});
