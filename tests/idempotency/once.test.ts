import { sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { hours } from "../../src/core/time.ts";
import { query } from "../../src/db/query.ts";
import { sweepAnswers } from "../../src/idempotency/sweep-answers.ts";
import { onPostgres } from "../support/database.ts";
import { createReceiver } from "../support/receiver.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const said = (text: string) => ({ content: { type: "text", text } });
const withKey = (key: string) => ({ headers: { "Idempotency-Key": key } });

const outbound = async (tenant: Tenant, conversation_id: string): Promise<number> => {
  const { body } = await tenant.get<{ data: { direction: string }[] }>(`/v1/conversations/${conversation_id}/messages`);
  return body.data.filter(({ direction }) => direction === "outbound").length;
};

describe("Idempotency-Key", () => {
  test("a repeated send is one message and one event", async () => {
    const tenant = await (await createWorld()).tenant();
    const { id } = await tenant.hears("Hello");
    const path = `/v1/conversations/${id}/messages`;
    const first = await tenant.post(path, said("Hi"), withKey("a"));
    const again = await tenant.post(path, said("Hi"), withKey("a"));
    expect(again.body).toEqual(first.body);
    const told = ({ status, headers }: typeof first) => [status, headers.get("location"), headers.get("idempotent-replayed")];
    expect(told(first)).toEqual([201, `/v1/messages/${String(first.body["id"])}`, null]);
    expect(told(again)).toEqual([201, `/v1/messages/${String(first.body["id"])}`, "true"]);
    expect(await outbound(tenant, id)).toBe(1);
    const [events] = await query<{ count: number }>(
      tenant.ctx.db,
      sql`select count(*)::int as count from events where payload like ${`%${String(first.body["id"])}%`}`,
    );
    expect(events!.count).toBe(1);
  });

  test("the order of a body's fields says nothing, another body is refused", async () => {
    const tenant = await (await createWorld()).tenant();
    const path = `/v1/conversations/${(await tenant.hears("Hello")).id}/messages`;
    await tenant.post(path, '{"content":{"type":"text","text":"Hi"},"client_reference":"r"}', withKey("a"));
    const reordered = await tenant.post(path, '{"client_reference":"r","content":{"text":"Hi","type":"text"}}', withKey("a"));
    expect(reordered.headers.get("idempotent-replayed")).toBe("true");
    expect(await tenant.post(path, said("Other"), withKey("a"))).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
  });

  test("the same key on another path, or of another API key, is another request", async () => {
    const tenant = await (await createWorld()).tenant();
    const [one, two] = [await tenant.hears("Hello"), await tenant.hears("Hello")];
    await tenant.post(`/v1/conversations/${one.id}/messages`, said("Hi"), withKey("a"));
    await tenant.post(`/v1/conversations/${two.id}/messages`, said("Hi"), withKey("a"));
    const { token } = await tenant.mint();
    await tenant.post(`/v1/conversations/${one.id}/messages`, said("Hi"), { ...withKey("a"), key: token });
    expect([await outbound(tenant, one.id), await outbound(tenant, two.id)]).toEqual([2, 1]);
  });

  test("a failure is not kept: the same key may succeed later", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const { id, from } = await tenant.hears("Hello");
    world.advance(hours(25));
    const path = `/v1/conversations/${id}/messages`;
    expect((await tenant.post(path, said("Hi"), withKey("a"))).status).toBe(422);
    await tenant.hears("Still there?", { from });
    expect(await tenant.post(path, said("Hi"), withKey("a"))).toMatchObject({ status: 201 });
  });

  test("an answer is given for 24 hours, then the key is free and the answer is swept", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const first = await tenant.post("/v1/webhook_secret/rotate", undefined, withKey("a"));
    world.advance(hours(23));
    expect((await tenant.post("/v1/webhook_secret/rotate", undefined, withKey("a"))).body).toEqual(first.body);
    world.advance(hours(2));
    const later = await tenant.post("/v1/webhook_secret/rotate", undefined, withKey("a"));
    expect(later.body["secret"]).not.toBe(first.body["secret"]);
    world.advance(hours(25));
    expect(await sweepAnswers(world.services)).toBeGreaterThan(0);
  });

  test("what is kept is sealed: a secret that was shown once cannot be read from the table", async () => {
    const tenant = await (await createWorld()).tenant();
    const { body } = await tenant.post("/v1/webhook_secret/rotate", undefined, withKey("a"));
    const kept = await query<{ answer: string }>(tenant.ctx.db, sql`select answer from idempotent_answers`);
    expect(kept.some(({ answer }) => answer.includes(String(body["secret"]).slice(6)))).toBe(false);
  });

  test("an answered request is answered again though the network it needed is gone", async () => {
    let addresses = ["93.184.215.14"];
    const world = await createWorld({ network: { resolve: async () => addresses, allow_private_webhooks: false } });
    const tenant = await world.tenant();
    const body = { url: "https://hooks.example.com/", event_types: ["new_message"] };
    const first = await tenant.post("/v1/webhook_endpoints", body, withKey("a"));
    expect(first.status).toBe(201);
    addresses = [];
    expect((await tenant.post("/v1/webhook_endpoints", body, withKey("a"))).body).toEqual(first.body);
    expect((await tenant.post("/v1/webhook_endpoints", body)).status).toBe(422);
  });

  test("an answer whose day ends while it is asked for is given: nothing is begun that the network was not asked about", async () => {
    const world = await createWorld({ network: { resolve: async () => ["93.184.215.14"], allow_private_webhooks: false } });
    const tenant = await world.tenant();
    const body = { url: "https://hooks.example.com/", event_types: ["new_message"] };
    const first = await tenant.post("/v1/webhook_endpoints", body, withKey("a"));
    const { vault } = world.services;
    const open = vault.open.bind(vault);
    vi.spyOn(vault, "open").mockImplementation((...sealed) => {
      if (sealed[0] === "idempotent_answers") world.advance(hours(25));
      return open(...sealed);
    });
    expect(await tenant.post("/v1/webhook_endpoints", body, withKey("a"))).toMatchObject({ status: 201, body: first.body });
  });

  test.skipIf(!onPostgres())("twenty at once are one message; whoever comes while it runs is told so", async () => {
    const tenant = await (await createWorld()).tenant();
    await tenant.endpoint((await createReceiver(204)).url);
    const { id } = await tenant.hears("Hello");
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => tenant.post(`/v1/conversations/${id}/messages`, said("Hi"), withKey("a"))),
    );
    expect(await outbound(tenant, id)).toBe(1);
    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([201, 409]));
    for (const { body, headers } of answers.filter(({ status }) => status === 409)) {
      expect(body["code"]).toBe("idempotency_in_progress");
      expect(headers.get("retry-after")).toBe("1");
    }
  });
});
