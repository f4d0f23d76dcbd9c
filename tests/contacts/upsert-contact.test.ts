import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Contact } from "../../src/contacts/contract.ts";
import { contact_identities, contacts } from "../../src/contacts/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import { seconds } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import { breakable } from "../support/breakable-db.ts";
import { freshNumber } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withTenant(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  return { world, tenant: await world.tenant() };
}

const upsert = <T = Contact>(tenant: Tenant, body: unknown) => tenant.post<T>("/v1/contacts", body);
const phone = (digits = freshNumber()) => ({ kind: "phone", value: `+${digits}` });
const faultsOf = ({ errors }: Problem) => errors?.map(({ pointer, code }) => `${pointer} ${code}`);
const counts = async (tenant: Tenant) => [(await rowsOf(tenant, contacts)).length, (await rowsOf(tenant, contact_identities)).length];

describe("a contact", () => {
  test("is made with what is given, and read as it was answered", async () => {
    const { tenant } = await withTenant();
    const identities = [phone(), { kind: "page_user", value: "24001" }];
    const given = { external_id: "customer-1007", name: "سارة 😀", identities, metadata: { city: "Cairo" } };
    const { status, body } = await upsert(tenant, given);
    expect(status).toBe(200);
    expect(body).toMatchObject({ object: "contact", ...given, identities: expect.any(Array) as unknown });
    expect(new Set(body.identities)).toEqual(new Set(identities));
    expect((await tenant.get(`/v1/contacts/${body.id}`)).body).toEqual(body);
  });

  test("may be made of nothing at all, as often as that is asked", async () => {
    const { tenant } = await withTenant();
    const [one, two] = [await upsert(tenant, {}), await upsert(tenant, { metadata: { gone: null } })];
    expect(one.body).toMatchObject({ external_id: null, name: null, identities: [], metadata: {} });
    expect(two.body.id).not.toBe(one.body.id);
  });

  test("is kept without the blanks around its words", async () => {
    const { tenant } = await withTenant();
    const { value } = phone();
    const { body } = await upsert(tenant, { external_id: " c-1 ", name: "\tSara ", identities: [{ kind: "phone", value: ` ${value} ` }] });
    expect(body).toMatchObject({ external_id: "c-1", name: "Sara", identities: [{ kind: "phone", value }] });
  });

  test("that has the external id already is updated with what is given, and the rest stays", async () => {
    const { world, tenant } = await withTenant();
    const [one, two] = [phone(), { kind: "visitor", value: "v-1" }];
    const { body: first } = await upsert(tenant, {
      external_id: "c-1",
      name: "Sara",
      identities: [one],
      metadata: { city: "Cairo", plan: "free" },
    });
    world.advance(seconds(5));
    const { body: second } = await upsert(tenant, { external_id: "c-1", identities: [two, one], metadata: { plan: null, vip: "yes" } });
    expect(second).toEqual({
      ...first,
      identities: [one, two],
      metadata: { city: "Cairo", vip: "yes" },
      updated_at: second.updated_at,
    });
    expect(second.updated_at > first.updated_at).toBe(true);
    expect((await upsert(tenant, { external_id: "c-1", name: "Sarah" })).body).toMatchObject({ id: first.id, name: "Sarah" });
    expect(await counts(tenant)).toEqual([1, 2]);
  });

  test("has an external id of its own workspace", async () => {
    const { world, tenant } = await withTenant();
    const neighbour = await world.tenant();
    const given = { external_id: "c-1", identities: [phone()] };
    const [here, there] = [await upsert(tenant, given), await upsert(neighbour, given)];
    expect([here.status, there.status]).toEqual([200, 200]);
    expect(there.body.id).not.toBe(here.body.id);
  });

  test("is whoever writes from one of its numbers: E.164 outside, as the providers write it inside", async () => {
    const { tenant } = await withTenant();
    const number = freshNumber();
    const { body: known } = await upsert(tenant, { name: "Sara Ahmed", identities: [phone(number)] });
    expect(await rowsOf(tenant, contact_identities)).toMatchObject([{ kind: "phone", value: number }]);
    const { contact_id } = await tenant.hears("Hello", { from: `+${number}`, name: "sara99" });
    expect(contact_id).toBe(known.id);
    expect((await tenant.get(`/v1/contacts/${contact_id}`)).body).toEqual(known);
  });
});

describe("is refused, naming the fault, and leaves nothing", () => {
  test.each<[string, object, string]>([
    ["a number without a plus sign", { identities: [{ kind: "phone", value: "15550101001" }] }, "/identities/0/value invalid_phone"],
    ["a number with blanks", { identities: [phone(), { kind: "phone", value: "+1 555 010" }] }, "/identities/1/value invalid_phone"],
    ["a number that begins with 0", { identities: [{ kind: "phone", value: "+0155501010" }] }, "/identities/0/value invalid_phone"],
    ["a number of 16 digits", { identities: [{ kind: "phone", value: "+1234567890123456" }] }, "/identities/0/value invalid_phone"],
    ["Arabic digits", { identities: [{ kind: "phone", value: "+٢٠١٠٠١٢٣٤٥٦" }] }, "/identities/0/value invalid_phone"],
    ["an unknown kind", { identities: [{ kind: "email", value: "a@b.example" }] }, "/identities/0/kind not_allowed"],
    ["a blank identity", { identities: [{ kind: "visitor", value: " " }] }, "/identities/0/value too_small"],
    ["21 identities", { identities: Array.from({ length: 21 }, (_, n) => ({ kind: "visitor", value: `${n}` })) }, "/identities too_large"],
    ["a blank name", { name: "  " }, "/name too_small"],
    ["a name of 201 characters", { name: "س".repeat(201) }, "/name too_large"],
    ["an empty external id", { external_id: "" }, "/external_id too_small"],
    ["an external id that is a number", { external_id: 7 }, "/external_id invalid_type"],
    ["51 keys", { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, ""])) }, "/metadata too_large"],
    ["a nameless key", { metadata: { "": "v" } }, "/metadata/ invalid"],
    ["an id of the client's choice", { id: "cont_01m7x0q4w6e8r9t2y3v5n7b1c4" }, "/id unknown_field"],
  ])("%s", async (_, body, fault) => {
    const { tenant } = await withTenant();
    const { status, body: refusal } = await upsert<Problem>(tenant, body);
    expect([status, refusal.code, faultsOf(refusal)]).toEqual([400, "validation_failed", [fault]]);
    expect(await counts(tenant)).toEqual([0, 0]);
  });

  test("an identity that is another contact's, who is named", async () => {
    const { tenant } = await withTenant();
    const [theirs, free] = [phone(), phone()];
    const { body: owner } = await upsert(tenant, { name: "Sara", identities: [theirs] });
    for (const given of [{}, { external_id: "c-2" }]) {
      const { status, body } = await upsert<Problem>(tenant, { ...given, name: "Omar", identities: [free, theirs] });
      expect([status, body.code]).toEqual([409, "duplicate_external_id"]);
      expect(body.detail).toBe(`Another contact, ${owner.id}, has the identity phone ${theirs.value}.`);
    }
    expect(await counts(tenant)).toEqual([1, 1]);
    expect((await upsert(tenant, { identities: [free] })).status).toBe(200);
  });

  test("what would be too much together with what there is", async () => {
    const { tenant } = await withTenant();
    const visitor = (n: number) => ({ kind: "visitor", value: `v-${n}` });
    const metadata = (from: number, count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${from + n}`, "v"]));
    const full = { external_id: "c-1", identities: Array.from({ length: 20 }, (_, n) => visitor(n)), metadata: metadata(0, 50) };
    const { body: before } = await upsert(tenant, full);
    expect((await upsert(tenant, full)).status).toBe(200);
    for (const [more, fault] of [
      [{ identities: [visitor(20)] }, "/identities too_large"],
      [{ metadata: metadata(50, 1) }, "/metadata too_large"],
    ] as const) {
      const { status, body } = await upsert<Problem>(tenant, { external_id: "c-1", ...more });
      expect([status, faultsOf(body)]).toEqual([400, [fault]]);
    }
    expect((await tenant.get<Contact>(`/v1/contacts/${before.id}`)).body).toMatchObject({ metadata: before.metadata });
    expect(await counts(tenant)).toEqual([1, 20]);
  });

  test.each(["a new contact", "a known one"])("%s whose identities cannot be written", async (which) => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant } = await withTenant({ db });
    if (which === "a known one") await upsert(tenant, { external_id: "c-1", name: "Sara" });
    const before = [await rowsOf(tenant, contacts), await rowsOf(tenant, contact_identities)];
    breakNext("insert", contact_identities);
    expect((await upsert(tenant, { external_id: "c-1", name: "Omar", identities: [phone()] })).status).toBe(500);
    expect([await rowsOf(tenant, contacts), await rowsOf(tenant, contact_identities)]).toEqual(before);
  });
});

describe("at one moment", () => {
  test.skipIf(!onPostgres())("imports of one person make one contact, with everything that each of them knew", async () => {
    const { tenant } = await withTenant();
    for (let round = 0; round < 4; round++) {
      const external_id = `c-${round}`;
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, n) =>
          upsert(tenant, { external_id, identities: [{ kind: "visitor", value: `${round}-${n}` }], metadata: { [`k${n}`]: "v" } }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200));
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
      const { body } = await tenant.get<Contact>(`/v1/contacts/${answers[0]!.body.id}`);
      expect([body.identities.length, Object.keys(body.metadata).length]).toEqual([6, 6]);
    }
    expect(await counts(tenant)).toEqual([4, 24]);
  });

  test.skipIf(!onPostgres())("of many who claim one identity one gets it, and nobody waits for ever", async () => {
    const { tenant } = await withTenant();
    for (let round = 0; round < 4; round++) {
      const [a, b] = [phone(), phone()];
      const answers = await Promise.all(
        [
          [a, b],
          [b, a],
          [a, b],
          [b, a],
        ].map((identities) => upsert(tenant, { identities })),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409]);
    }
    expect(await counts(tenant)).toEqual([4, 8]);
  });

  test.skipIf(!onPostgres())("an import and the deletion of the person: the import updates them, or makes them anew", async () => {
    const { tenant } = await withTenant();
    for (let round = 0; round < 8; round++) {
      const given = { external_id: `c-${round}`, name: "Sara", identities: [phone()] };
      const { body: before } = await upsert(tenant, given);
      const [deleted, imported] = await Promise.all([tenant.delete(`/v1/contacts/${before.id}`), upsert(tenant, given)]);
      expect([deleted.status, imported.status]).toEqual([200, 200]);
      const erased = (await rowsOf(tenant, contacts)).find(({ id }) => id === before.id)!;
      expect(erased).toMatchObject({ name: null, external_id: null, deleted_at: expect.any(String) as unknown });
      const left = await tenant.ctx.db
        .select()
        .from(contact_identities)
        .where(and(mine(tenant.ctx, contact_identities), eq(contact_identities.contact_id, before.id)));
      expect(left).toEqual([]);
    }
  });
});
