import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import { provider_events } from "../../src/channels/tables.ts";
import type { Contact } from "../../src/contacts/contract.ts";
import { contact_addresses, contact_identities, contacts } from "../../src/contacts/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message } from "../../src/messages/contract.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import { breakable } from "../support/breakable-db.ts";
import { createSandbox, createWhatsApp, freshNumber } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withContact(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const { id, contact_id, from } = await tenant.hears("My name is Sara", { name: "Sara" });
  await tenant.get(`/v1/contacts/${contact_id}`, { method: "PATCH", body: { external_id: "c-1", metadata: { city: "Cairo" } } });
  return { world, tenant, id, contact_id, from };
}

const remove = <T = Record<string, unknown>>(tenant: Tenant, id: string, headers: Record<string, string> = {}) =>
  tenant.get<T>(`/v1/contacts/${id}`, { method: "DELETE", headers });

test("what providers told of a deleted contact's messages is known by its key alone, and others' stays", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant);
  const wa_id = freshNumber();
  const { contact_id } = await whatsapp.hears("My secret", { wa_id, id: "wamid.hers" });
  await whatsapp.echoes(wa_id, "Your order, Sara", { id: "wamid.ours" });
  await whatsapp.reports("wamid.ours", "delivered");
  await whatsapp.hears("Another's", { id: "wamid.other" });
  await remove(tenant, contact_id);
  const kept = (await rowsOf(tenant, provider_events)).map(({ dedupe_key, raw }) => `${dedupe_key.slice(0, 14)} ${raw !== null}`);
  expect(kept.toSorted()).toEqual(["echo:wamid.our false", "wamid.hers false", "wamid.other true", "wamid.ours+del false"]);
  // Told once more it is known all the same.
  await whatsapp.hears("My secret", { wa_id, id: "wamid.hers" });
  expect((await tenant.get<{ data: Contact[] }>("/v1/contacts")).body.data).toHaveLength(1);
});

describe("a deleted contact", () => {
  test("is erased: nothing of the person is left, and who did it is recorded", async () => {
    const { tenant, contact_id } = await withContact();
    const { status, body } = await remove(tenant, contact_id);
    expect([status, body]).toEqual([200, { id: contact_id, object: "contact", deleted: true }]);
    expect(await rowsOf(tenant, contacts)).toMatchObject([{ id: contact_id, name: null, external_id: null, metadata: {} }]);
    expect(await rowsOf(tenant, contact_identities)).toEqual([]);
    expect(await rowsOf(tenant, contact_addresses)).toEqual([]);
    const recorded = (await rowsOf(tenant, audit_log)).filter(({ action }) => action === "contact.deleted");
    expect(recorded).toMatchObject([{ target_id: contact_id, details: {}, actor_name: "First key" }]);
  });

  test("is found nowhere", async () => {
    const { tenant, contact_id, from } = await withContact();
    await remove(tenant, contact_id);
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const answer = await tenant.get<Problem>(`/v1/contacts/${contact_id}`, {
        method,
        ...(method === "PATCH" && { body: { name: "Back" } }),
      });
      expect([answer.status, answer.body.code]).toEqual([404, "not_found"]);
    }
    for (const query of ["", "?external_id=c-1", `?identity=${encodeURIComponent(from)}`])
      expect((await tenant.get(`/v1/contacts${query}`)).body["data"]).toEqual([]);
  });

  test("leaves what was said, and the name the messages were told with", async () => {
    const { tenant, id, contact_id } = await withContact();
    await remove(tenant, contact_id);
    expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body).toMatchObject({ contact_id, message_count: 1 });
    const { body } = await tenant.get<{ data: Message[] }>(`/v1/conversations/${id}/messages`);
    expect(body.data).toMatchObject([{ sender: { id: contact_id, name: "Sara" }, content: { text: "My name is Sara" } }]);
  });

  test("leaves the external id and the identities free", async () => {
    const { tenant, contact_id, from } = await withContact();
    await remove(tenant, contact_id);
    const { status, body } = await tenant.post<Contact>("/v1/contacts", {
      external_id: "c-1",
      identities: [{ kind: "phone", value: from }],
    });
    expect([status, body.name]).toEqual([200, null]);
    expect(body.id).not.toBe(contact_id);
  });

  test("who writes again is a new contact in a new conversation", async () => {
    const { tenant, id, contact_id, from } = await withContact();
    await remove(tenant, contact_id);
    const again = await tenant.hears("Hello again", { from, name: "Sara A." });
    expect(again.contact_id).not.toBe(contact_id);
    expect(again.id).not.toBe(id);
    expect((await tenant.get(`/v1/contacts/${again.contact_id}`)).body).toMatchObject({ name: "Sara A.", external_id: null });
    expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.message_count).toBe(1);
  });

  test("cannot be written to on a channel with a window: it is as if they had never written", async () => {
    const { tenant, id, contact_id } = await withContact();
    await remove(tenant, contact_id);
    expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.messaging_window).toMatchObject({
      state: "closed",
      expires_at: null,
    });
    const { status, body } = await tenant.post<Problem>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Hello?" } });
    expect([status, body.code]).toEqual([422, "messaging_window_closed"]);
  });

  test("is unreachable for what was queued already, and for what is sent on a channel without a window", async () => {
    const { world, tenant } = await withContact();
    const sms = await createSandbox(world, tenant, "twilio_sms");
    const { id, contact_id } = await sms.hears("Hello", freshNumber());
    const send = () => tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Hello?" } });
    const before = await send();
    await remove(tenant, contact_id);
    const after = await send();
    await world.sendQueued();
    for (const { status, body } of [before, after]) {
      expect(status).toBe(201);
      const { body: message } = await tenant.get<Message>(`/v1/messages/${body.id}`);
      expect(message).toMatchObject({ status: "failed", error: { code: "recipient_unreachable" } });
    }
  });
});

describe("a deletion is refused, and changes nothing", () => {
  test("where the contact has changed since it was read", async () => {
    const { tenant, contact_id } = await withContact();
    const etag = (await tenant.get(`/v1/contacts/${contact_id}`)).headers.get("etag")!;
    await tenant.get(`/v1/contacts/${contact_id}`, { method: "PATCH", body: { name: "Sara Ahmed" } });
    expect((await remove(tenant, contact_id, { "If-Match": etag })).status).toBe(412);
    const fresh = (await tenant.get(`/v1/contacts/${contact_id}`)).headers.get("etag")!;
    expect((await remove(tenant, contact_id, { "If-Match": fresh })).status).toBe(200);
  });

  test.each([
    ["its identities", "delete", contact_identities],
    ["its windows", "delete", contact_addresses],
    ["its row", "update", contacts],
    ["the audit log", "insert", audit_log],
  ] as const)("where %s cannot be written", async (_, verb, table) => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant, contact_id } = await withContact({ db });
    const { body: before } = await tenant.get(`/v1/contacts/${contact_id}`);
    breakNext(verb, table);
    expect((await remove(tenant, contact_id)).status).toBe(500);
    expect((await tenant.get(`/v1/contacts/${contact_id}`)).body).toEqual(before);
    expect(await rowsOf(tenant, contact_addresses)).toHaveLength(1);
    expect((await remove(tenant, contact_id)).status).toBe(200);
  });
});

test.skipIf(!onPostgres())("a deletion and the person's own messages at one moment: what was erased stays erased", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant);
  for (let round = 0; round < 8; round++) {
    const [wa_id, user_id] = [freshNumber(), `DE.${freshNumber()}`];
    const { contact_id } = await whatsapp.hears("Hello", { wa_id, name: "" });
    const [deleted] = await Promise.all([
      remove(tenant, contact_id),
      whatsapp.hears("I am Sara", { wa_id, user_id, name: "Sara" }),
      whatsapp.hears("Me again", { wa_id, user_id, name: "Sara" }),
    ]);
    expect(deleted.status).toBe(200);
    const erased = (await rowsOf(tenant, contacts)).find(({ id }) => id === contact_id)!;
    expect(erased).toMatchObject({ name: null, deleted_at: expect.any(String) as unknown });
    expect((await rowsOf(tenant, contact_identities)).filter((row) => row.contact_id === contact_id)).toEqual([]);
  }
});
