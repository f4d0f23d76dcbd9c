import { describe, expect, test } from "vitest";
import type { Contact } from "../../src/contacts/contract.ts";
import { contact_identities, contacts } from "../../src/contacts/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import { seconds } from "../../src/core/time.ts";
import { breakable } from "../support/breakable-db.ts";
import { freshNumber } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const phone = () => ({ kind: "phone", value: `+${freshNumber()}` });
const visitor = (value: string) => ({ kind: "visitor", value });

async function withContact(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const number = phone();
  const given = { external_id: "c-1", name: "Sara", identities: [number], metadata: { city: "Cairo" } };
  const { body: contact } = await tenant.post<Contact>("/v1/contacts", given);
  return { world, tenant, contact, number };
}

const patch = <T = Contact>(tenant: Tenant, id: string, body: unknown, headers: Record<string, string> = {}) =>
  tenant.get<T>(`/v1/contacts/${id}`, { method: "PATCH", body, headers });
const read = (tenant: Tenant, id: string) => tenant.get<Contact>(`/v1/contacts/${id}`);

describe("a contact", () => {
  test("has what is named changed, and the rest as it was", async () => {
    const { world, tenant, contact } = await withContact();
    world.advance(seconds(5));
    const { status, body } = await patch(tenant, contact.id, { name: "Sara Ahmed", metadata: { city: null, vip: "yes" } });
    expect(status).toBe(200);
    expect(body).toEqual({ ...contact, name: "Sara Ahmed", metadata: { vip: "yes" }, updated_at: body.updated_at });
    expect(body.updated_at > contact.updated_at).toBe(true);
    expect((await read(tenant, contact.id)).body).toEqual(body);
    const { body: bare } = await patch(tenant, contact.id, { name: null, external_id: null });
    expect(bare).toMatchObject({ name: null, external_id: null, metadata: { vip: "yes" }, identities: contact.identities });
  });

  test("is not changed by an empty body", async () => {
    const { world, tenant, contact } = await withContact();
    world.advance(seconds(5));
    const { status, body } = await patch(tenant, contact.id, {});
    expect([status, body]).toEqual([200, contact]);
  });

  test("is not changed by what is so already: whoever has its entity tag may still change it", async () => {
    const { world, tenant, contact } = await withContact();
    const etag = (await read(tenant, contact.id)).headers.get("etag")!;
    world.advance(seconds(5));
    const { status, body } = await patch(tenant, contact.id, { external_id: "c-1", name: "Sara", metadata: { city: "Cairo", vip: null } });
    expect([status, body]).toEqual([200, contact]);
    expect((await patch(tenant, contact.id, { name: "Sara Ahmed" }, { "If-Match": etag })).status).toBe(200);
  });

  test("has all of its identities named: what is not named is removed, and free for somebody else", async () => {
    const { world, tenant, contact, number } = await withContact();
    world.advance(seconds(5));
    const more = [visitor("v-2"), number, visitor("v-1")];
    expect((await patch(tenant, contact.id, { identities: more })).body.identities).toEqual([number, visitor("v-1"), visitor("v-2")]);
    expect((await patch(tenant, contact.id, { identities: [visitor("v-1"), visitor("v-1")] })).body.identities).toEqual([visitor("v-1")]);
    expect((await tenant.post("/v1/contacts", { name: "Omar", identities: [number] })).status).toBe(200);
    expect((await patch(tenant, contact.id, { identities: [] })).body.identities).toEqual([]);
  });

  test("that nobody changed meanwhile is changed with its entity tag, and no other", async () => {
    const { tenant, contact } = await withContact();
    const etag = (await read(tenant, contact.id)).headers.get("etag")!;
    expect((await patch(tenant, contact.id, { name: "One" }, { "If-Match": etag })).status).toBe(200);
    const { status, body } = await patch<Problem>(tenant, contact.id, { name: "Two" }, { "If-Match": etag });
    expect([status, body.code]).toEqual([412, "precondition_failed"]);
    expect((await read(tenant, contact.id)).body.name).toBe("One");
  });
});

describe("is refused, and changes nothing", () => {
  test("an external id that is another contact's", async () => {
    const { tenant, contact } = await withContact();
    await tenant.post("/v1/contacts", { external_id: "c-2" });
    const { status, body } = await patch<Problem>(tenant, contact.id, { external_id: "c-2", name: "Omar" });
    expect([status, body.code, body.detail]).toEqual([409, "duplicate_external_id", "Another contact has this external id."]);
    expect((await read(tenant, contact.id)).body).toEqual(contact);
  });

  test("an identity that is another contact's, who keeps it", async () => {
    const { tenant, contact } = await withContact();
    const theirs = phone();
    const { body: other } = await tenant.post<Contact>("/v1/contacts", { name: "Omar", identities: [theirs] });
    const { status, body } = await patch<Problem>(tenant, contact.id, { name: "Stolen", identities: [visitor("v-1"), theirs] });
    expect([status, body.code]).toEqual([409, "duplicate_external_id"]);
    expect(body.detail).toContain(other.id);
    expect((await read(tenant, contact.id)).body).toEqual(contact);
    expect((await read(tenant, other.id)).body).toEqual(other);
  });

  test("metadata that would be too much together with what there is", async () => {
    const { tenant, contact } = await withContact();
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, "v"]));
    const { status, body } = await patch<Problem>(tenant, contact.id, { metadata, name: "Full" });
    expect([status, body.errors]).toMatchObject([400, [{ pointer: "/metadata", code: "too_large" }]]);
    expect((await read(tenant, contact.id)).body).toEqual(contact);
    const { k0: _, ...fewer } = metadata;
    expect((await patch(tenant, contact.id, { metadata: fewer })).status).toBe(200);
    expect((await patch<Problem>(tenant, contact.id, { metadata: { k0: "v" } })).status).toBe(400);
    expect((await patch(tenant, contact.id, { metadata: { k0: "v", city: null } })).status).toBe(200);
  });

  test("a contact of another workspace", async () => {
    const { world, tenant, contact } = await withContact();
    expect((await patch(await world.tenant(), contact.id, { name: "Mine" })).status).toBe(404);
    expect((await read(tenant, contact.id)).body).toEqual(contact);
  });

  test.each(["its row", "one of its identities"])("where %s cannot be written", async (which) => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant, contact } = await withContact({ db });
    if (which === "its row") breakNext("update", contacts);
    else breakNext("insert", contact_identities, 1);
    const answer = await patch<Problem>(tenant, contact.id, { name: "Half", identities: [visitor("v-1"), visitor("v-2")] });
    expect([answer.status, answer.body.code]).toEqual([500, "internal_error"]);
    expect((await read(tenant, contact.id)).body).toEqual(contact);
  });
});

test.skipIf(!onPostgres())("changes at one moment lose nothing, and two who swap identities do not wait for ever", async () => {
  const { tenant, contact, number } = await withContact();
  await Promise.all([1, 2, 3, 4].map((n) => patch(tenant, contact.id, { metadata: { [`key_${n}`]: "kept" } })));
  expect(Object.keys((await read(tenant, contact.id)).body.metadata)).toHaveLength(5);

  const theirs = phone();
  const { body: other } = await tenant.post<Contact>("/v1/contacts", { identities: [theirs] });
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all([
      patch(tenant, contact.id, { identities: [theirs] }),
      patch(tenant, other.id, { identities: [number] }),
    ]);
    for (const { status } of answers) expect([200, 409]).toContain(status);
    await patch(tenant, contact.id, { identities: [] });
    await patch(tenant, other.id, { identities: [theirs] });
    await patch(tenant, contact.id, { identities: [number] });
  }
  expect(await rowsOf(tenant, contact_identities)).toHaveLength(2);
});
