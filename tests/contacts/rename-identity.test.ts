import { describe, expect, test } from "vitest";
import { provider_events } from "../../src/channels/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Contact } from "../../src/contacts/contract.ts";
import { changeOf, createWhatsApp, freshNumber } from "../support/channels.ts";
import { createGraphTwin } from "../support/graph-twin.ts";
import { rowsOf } from "../support/rows.ts";
import { breakable } from "../support/breakable-db.ts";
import { database } from "../support/database.ts";
import { contact_identities, contact_renamings } from "../../src/contacts/tables.ts";
import { after, epochMs, hours, seconds, type Timestamp } from "../../src/core/time.ts";
import { createWorld } from "../support/world.ts";

async function withWhatsApp(options: { db?: Db } = {}) {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url }, ...options });
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant, twin.account_id);
  const rotates = (previous: string, current: string) =>
    whatsapp.tell(changeOf(whatsapp.account_id, { user_id_update: [{ user_id: { previous, current } }] }, "user_id_update"));
  const moves = (from: string, wa_id: string, user_id?: string) =>
    whatsapp.tell(
      changeOf(whatsapp.account_id, {
        messages: [{ from, id: `wamid.system.${wa_id}`, type: "system", system: { type: "user_changed_number", wa_id, user_id } }],
      }),
    );
  /** WhatsApp's own note that a person is called otherwise, as Meta words it since August 2026. */
  const notes = (sender: object, system: object, at: Timestamp = world.now()) =>
    whatsapp.tell(
      changeOf(whatsapp.account_id, {
        messages: [
          {
            ...sender,
            id: `wamid.${world.services.newId("msg")}`,
            timestamp: String(Math.floor(epochMs(at) / 1000)),
            type: "system",
            system,
          },
        ],
      }),
    );
  const contact = async (id: string) => (await tenant.get<Contact>(`/v1/contacts/${id}`)).body;
  const outcome = async () => (await rowsOf(tenant, provider_events)).filter(({ kind }) => kind === "renaming").map((row) => row.outcome);
  return { twin, world, tenant, whatsapp, rotates, moves, notes, contact, outcome };
}

test("a user id that is given anew belongs to the same contact, who is written to by it", async () => {
  const { twin, world, tenant, whatsapp, rotates, contact, outcome } = await withWhatsApp();
  const { id, contact_id } = await whatsapp.hears("Hello", { user_id: "DE.1" });
  await rotates("DE.1", "DE.2");
  expect((await contact(contact_id)).identities).toEqual([{ kind: "whatsapp_user", value: "DE.2" }]);
  expect((await whatsapp.hears("Still me", { user_id: "DE.2" })).id).toBe(id);
  await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Welcome back" } });
  await world.sendQueued();
  expect(twin.asked).toMatchObject([{ body: { recipient: "DE.2" } }]);
  expect(await outcome()).toEqual(["applied"]);
});

test("a customer who takes another number stays the same contact, and the old number is given up", async () => {
  const { world, whatsapp, moves, contact } = await withWhatsApp();
  const [before, now] = [freshNumber(), freshNumber()];
  const { contact_id } = await whatsapp.hears("Hello", { wa_id: before });
  await moves(before, now, "DE.9");
  expect((await contact(contact_id)).identities.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
    { kind: "phone", value: `+${now}` },
    { kind: "whatsapp_user", value: "DE.9" },
  ]);
  world.advance(seconds(1));
  expect((await whatsapp.hears("Who is this?", { wa_id: before })).contact_id).not.toBe(contact_id);
});

test("a renaming of nobody is recorded and makes no contact", async () => {
  const { tenant, rotates, outcome } = await withWhatsApp();
  await rotates("DE.404", "DE.405");
  expect((await tenant.get<{ data: Contact[] }>("/v1/contacts")).body.data).toEqual([]);
  expect(await outcome()).toEqual(["ignored"]);
});

test("a name that somebody else has stays theirs, and nobody loses their own", async () => {
  const { whatsapp, rotates, contact, outcome } = await withWhatsApp();
  const one = await whatsapp.hears("One", { user_id: "DE.1" });
  const other = await whatsapp.hears("Other", { user_id: "DE.2" });
  await rotates("DE.1", "DE.2");
  expect((await contact(one.contact_id)).identities).toEqual([{ kind: "whatsapp_user", value: "DE.1" }]);
  expect((await contact(other.contact_id)).identities).toEqual([{ kind: "whatsapp_user", value: "DE.2" }]);
  expect(await outcome()).toEqual(["ignored"]);
});

test("a user id that changes alone is followed, by the note that says so", async () => {
  const { world, whatsapp, notes, contact, outcome } = await withWhatsApp();
  const { id, contact_id } = await whatsapp.hears("Hello", { user_id: "DE.1" });
  await notes({}, { type: "user_changed_user_id", previous_user_id: "DE.1", user_id: "DE.2" });
  world.advance(seconds(1));
  expect((await whatsapp.hears("Still me", { user_id: "DE.2" })).id).toBe(id);
  expect((await contact(contact_id)).identities).toEqual([{ kind: "whatsapp_user", value: "DE.2" }]);
  expect(await outcome()).toEqual(["applied"]);
});

test("a number that changes takes the user id with it, and both former ones are given up", async () => {
  const { whatsapp, notes, contact } = await withWhatsApp();
  const [before, now] = [freshNumber(), freshNumber()];
  const { contact_id } = await whatsapp.hears("Hello", { wa_id: before, user_id: "DE.1" });
  await notes({ from: before }, { type: "user_changed_number", wa_id: now, previous_user_id: "DE.1", user_id: "DE.2" });
  expect((await contact(contact_id)).identities.map(({ value }) => value).toSorted()).toEqual([`+${now}`, "DE.2"]);
});

test("a former number that is somebody else's by now is not taken from them", async () => {
  const { world, whatsapp, notes, contact } = await withWhatsApp();
  const [number, now] = [freshNumber(), freshNumber()];
  const sara = await whatsapp.hears("Sara", { wa_id: number, user_id: "DE.1" });
  const changed_at = world.now();
  world.advance(hours(1));
  const omar = await whatsapp.hears("Omar", { user_id: "DE.7" });
  await whatsapp.hears("With her number", { wa_id: number, user_id: "DE.7" });
  await notes({ from: number }, { type: "user_changed_number", wa_id: now, previous_user_id: "DE.1", user_id: "DE.2" }, changed_at);
  expect((await contact(sara.contact_id)).identities.map(({ value }) => value).toSorted()).toEqual([`+${now}`, "DE.2"]);
  expect((await contact(omar.contact_id)).identities.map(({ value }) => value).toSorted()).toEqual([`+${number}`, "DE.7"]);
});

describe("a message from before a renaming that is told after it", () => {
  test("is of the same person, by their former id or number", async () => {
    const { world, whatsapp, notes } = await withWhatsApp();
    const [before, now] = [freshNumber(), freshNumber()];
    const { id } = await whatsapp.hears("Hello", { wa_id: before, user_id: "DE.1" });
    const said_at = world.now();
    world.advance(hours(1));
    await notes({ from: before }, { type: "user_changed_number", wa_id: now, previous_user_id: "DE.1", user_id: "DE.2" });
    expect((await whatsapp.hears("Late, by the id", { user_id: "DE.1", at: said_at })).id).toBe(id);
    expect((await whatsapp.hears("Late, by the number", { wa_id: before, at: said_at })).id).toBe(id);
    world.advance(seconds(1));
    expect((await whatsapp.hears("Whose is it now?", { wa_id: before })).id).not.toBe(id);
  });

  test("and before anybody was known makes the one who writes later, whatever order their names came in", async () => {
    const { world, tenant, whatsapp, notes } = await withWhatsApp();
    const start = world.now();
    const at = (n: number) => after(start, hours(n));
    world.advance(hours(5));
    const becomes = (previous_user_id: string, user_id: string, n: number) =>
      notes({}, { type: "user_changed_user_id", previous_user_id, user_id }, at(n));
    await becomes("DE.2", "DE.3", 3);
    await becomes("DE.1", "DE.2", 1);
    const { id } = await whatsapp.hears("First", { user_id: "DE.1", at: at(0) });
    expect((await whatsapp.hears("Second", { user_id: "DE.2", at: at(2) })).id).toBe(id);
    expect((await whatsapp.hears("Third", { user_id: "DE.3" })).id).toBe(id);
    expect((await tenant.get<{ data: Contact[] }>("/v1/contacts")).body.data.map(({ identities }) => identities)).toEqual([
      [{ kind: "whatsapp_user", value: "DE.3" }],
    ]);
  });

  test("finds nobody once they were erased, or once nothing is told so late", async () => {
    const { world, tenant, whatsapp, notes } = await withWhatsApp();
    const said_at = world.now();
    const sara = await whatsapp.hears("Sara", { user_id: "DE.1" });
    await whatsapp.hears("Omar", { user_id: "DE.7" });
    world.advance(hours(1));
    await notes({}, { type: "user_changed_user_id", previous_user_id: "DE.1", user_id: "DE.2" });
    await notes({}, { type: "user_changed_user_id", previous_user_id: "DE.7", user_id: "DE.8" });
    await tenant.delete(`/v1/contacts/${sara.contact_id}`);
    expect((await rowsOf(tenant, contact_renamings)).map(({ previous }) => previous)).toEqual(["DE.7"]);
    expect((await whatsapp.hears("Late", { user_id: "DE.1", at: said_at })).contact_id).not.toBe(sara.contact_id);
    world.advance(hours(7 * 24));
    await world.sweep();
    expect(await rowsOf(tenant, contact_renamings)).toHaveLength(1);
    world.advance(hours(2 * 24));
    await world.sweep();
    expect(await rowsOf(tenant, contact_renamings)).toEqual([]);
  });
});

test("a renaming that fails halfway leaves nothing, and takes effect when it is told again", async () => {
  const { db, breakNext } = breakable((await database()).db);
  const { tenant, whatsapp, notes, contact } = await withWhatsApp({ db });
  const { contact_id } = await whatsapp.hears("Hello", { user_id: "DE.1" });
  const told = () => notes({}, { type: "user_changed_user_id", previous_user_id: "DE.1", user_id: "DE.2" });
  breakNext("delete", contact_identities);
  await expect(told()).rejects.toThrow("503");
  expect((await contact(contact_id)).identities).toEqual([{ kind: "whatsapp_user", value: "DE.1" }]);
  expect(await rowsOf(tenant, contact_renamings)).toEqual([]);
  await told();
  expect((await contact(contact_id)).identities).toEqual([{ kind: "whatsapp_user", value: "DE.2" }]);
});
