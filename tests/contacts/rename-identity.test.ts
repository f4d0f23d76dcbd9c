import { expect, test } from "vitest";
import { provider_events } from "../../src/channels/tables.ts";
import type { Contact } from "../../src/contacts/contract.ts";
import { changeOf, createWhatsApp, freshNumber } from "../support/channels.ts";
import { createGraphTwin } from "../support/graph-twin.ts";
import { rowsOf } from "../support/rows.ts";
import { createWorld } from "../support/world.ts";

async function withWhatsApp() {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url } });
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
  const contact = async (id: string) => (await tenant.get<Contact>(`/v1/contacts/${id}`)).body;
  const outcome = async () => (await rowsOf(tenant, provider_events)).filter(({ kind }) => kind === "renaming").map((row) => row.outcome);
  return { twin, world, tenant, whatsapp, rotates, moves, contact, outcome };
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
  const { whatsapp, moves, contact } = await withWhatsApp();
  const [before, now] = [freshNumber(), freshNumber()];
  const { contact_id } = await whatsapp.hears("Hello", { wa_id: before });
  await moves(before, now, "DE.9");
  expect((await contact(contact_id)).identities.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
    { kind: "phone", value: `+${now}` },
    { kind: "whatsapp_user", value: "DE.9" },
  ]);
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
