import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Contact } from "../../src/contacts/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { minutes } from "../../src/core/time.ts";
import { query } from "../../src/db/query.ts";
import { freshNumber } from "../support/channels.ts";
import { onPostgres } from "../support/database.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { createWorld, type Tenant } from "../support/world.ts";

interface Page {
  data: Contact[];
  has_more: boolean;
  next_cursor: string | null;
  total_count?: number;
}

const param = encodeURIComponent;
const list = async (tenant: Tenant, query = "") => (await tenant.get<Page>(`/v1/contacts${query}`)).body;
const idsOf = ({ data }: Page) => data.map(({ id }) => id);

async function withContacts(count: number) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const made: Contact[] = [];
  for (let n = 0; n < count; n++) {
    world.advance(minutes(1));
    const given = {
      external_id: `c-${n}`,
      name: `No ${n}`,
      identities: [
        { kind: "phone", value: `+${freshNumber()}` },
        { kind: "visitor", value: `visitor-${n}` },
      ],
    };
    made.push((await tenant.post<Contact>("/v1/contacts", given)).body);
  }
  return { world, tenant, made, ids: made.map(({ id }) => id) };
}

test("the newest is first, each as it is read alone, and nobody else's is among them", async () => {
  const { world, tenant, made } = await withContacts(3);
  await (await world.tenant()).hears("Hello");
  expect((await list(tenant)).data).toEqual(made.toReversed());
  for (const contact of made) expect((await tenant.get(`/v1/contacts/${contact.id}`)).body).toEqual(contact);
  expect(await list(await world.tenant())).toEqual({ object: "list", data: [], has_more: false, next_cursor: null });
});

test("whoever wrote is a contact", async () => {
  const { tenant } = await withContacts(0);
  const { contact_id, from } = await tenant.hears("Hello", { name: "Sara" });
  expect((await list(tenant)).data).toMatchObject([{ id: contact_id, name: "Sara", identities: [{ kind: "phone", value: from }] }]);
});

test("pages lose and repeat nothing, whoever comes or goes meanwhile", async () => {
  const { tenant, ids } = await withContacts(7);
  const newest_first = ids.toReversed();
  const first = await list(tenant, "?limit=3&include_total=true");
  expect([idsOf(first), first.has_more, first.total_count]).toEqual([newest_first.slice(0, 3), true, 7]);
  await tenant.hears("I am new");
  await tenant.delete(`/v1/contacts/${newest_first[2]}`);
  const second = await list(tenant, `?limit=3&cursor=${param(first.next_cursor!)}`);
  expect([idsOf(second), second.has_more]).toEqual([newest_first.slice(3, 6), true]);
  const third = await list(tenant, `?limit=3&cursor=${param(second.next_cursor!)}`);
  expect([idsOf(third), third.has_more, third.next_cursor]).toEqual([newest_first.slice(6), false, null]);
});

describe("a filter", () => {
  test("chooses by external id, identity and time", async () => {
    const { tenant, made, ids } = await withContacts(3);
    const [first, second, third] = ids;
    const shown = async (query: string) => idsOf(await list(tenant, `?${query}`));
    expect(await shown("external_id=c-1")).toEqual([second]);
    expect(await shown("external_id=C-1")).toEqual([]);
    expect(await shown(`created_after=${made[1]!.created_at}`)).toEqual([third]);
    expect(await shown(`created_before=${made[1]!.created_at}`)).toEqual([first]);
    expect(await shown("identity=visitor-2")).toEqual([third]);
    expect(await shown("identity=visitor-9")).toEqual([]);
    expect(await shown("identity=visitor-2&external_id=c-1")).toEqual([]);
    expect(await list(tenant, "?identity=visitor-2&include_total=true")).toMatchObject({ total_count: 1 });

    // With its plus sign, without it, and with one that nobody encoded and that is read as a blank.
    const number = made[0]!.identities.find(({ kind }) => kind === "phone")!.value;
    for (const written of [param(number), number.slice(1), number]) expect(await shown(`identity=${written}`)).toEqual([first]);
  });

  test("finds nobody in another workspace", async () => {
    const { world, made } = await withContacts(1);
    const neighbour = await world.tenant();
    for (const query of ["?external_id=c-0", "?identity=visitor-0", `?identity=${param(made[0]!.identities[0]!.value)}`])
      expect(idsOf(await list(neighbour, query))).toEqual([]);
  });

  test.each([
    ["created_after=yesterday", "/created_after invalid_timestamp"],
    ["created_before=2026-02-30T00:00:00Z", "/created_before invalid_timestamp"],
    [`identity=${"x".repeat(201)}`, "/identity too_large"],
    [`external_id=${"x".repeat(256)}`, "/external_id too_large"],
    ["name=Sara", "/name unknown_field"],
    ["limit=0", "/limit too_small"],
    ["limit=101", "/limit too_large"],
    ["external_id=a&external_id=b", "/external_id invalid_type"],
  ])("of %s is refused by name", async (query, fault) => {
    const { tenant } = await withContacts(0);
    const { status, body } = await tenant.get<Problem>(`/v1/contacts?${query}`);
    expect([status, body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([400, [fault]]);
  });

  test("stays the same from page to page", async () => {
    const { world, tenant } = await withContacts(2);
    const { next_cursor } = await list(tenant, "?limit=1");
    const cursor = `cursor=${param(next_cursor!)}`;
    const code = async (by: Tenant, query: string) => (await by.get(`/v1/contacts?${query}`)).body["code"];
    expect(await code(tenant, `external_id=c-1&${cursor}`)).toBe("invalid_cursor");
    expect(await code(await world.tenant(), cursor)).toBe("invalid_cursor");
    expect((await tenant.get(`/v1/conversations?${cursor}`)).body["code"]).toBe("invalid_cursor");
  });
});

test.skipIf(!onPostgres())("the identities of a contact are read by their index, and those of its workspace alone", async () => {
  const { db, statements } = await openWatchedDatabase();
  const tenant = await (await createWorld({ db })).tenant();
  await tenant.get("/v1/contacts");
  const statement = statements.findLast((said) => said.includes("json_agg"))!;
  const plan = await db.transaction(async (tx) => {
    for (const setting of ["enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan"])
      await tx.execute(sql.raw(`set local ${setting}`));
    await tx.execute(sql.raw(`prepare listing as ${statement}`));
    const lines = await query<{ "QUERY PLAN": string }>(tx, sql.raw("explain (costs off) execute listing(null, null)"));
    await tx.execute(sql.raw("deallocate listing"));
    return lines.map((line) => line["QUERY PLAN"]).join("\n");
  });
  expect(plan).toMatch(
    /contact_identities_workspace_id_contact_id_index on contact_identities held\n\s+Index Cond: \(\(workspace_id = contacts\.workspace_id\)/,
  );
});
