import { expect, test } from "vitest";
import { contact_identities, contacts } from "../../src/contacts/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message } from "../../src/messages/contract.ts";
import { breakable } from "../support/breakable-db.ts";
import { messages } from "../../src/messages/tables.ts";
import { epochMs, hours } from "../../src/core/time.ts";
import { changeOf, createWhatsApp, freshNumber, saying } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withWhatsApp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  return { world, tenant, whatsapp: await createWhatsApp(world, tenant) };
}

/** Whom a workspace knows: each contact's name and identities. */
async function peopleOf(tenant: Tenant) {
  const identities = await rowsOf(tenant, contact_identities);
  const people = await rowsOf(tenant, contacts);
  return people
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, name }) => ({
      name,
      identities: identities
        .filter((identity) => identity.contact_id === id)
        .map(({ kind, value }) => `${kind} ${value}`)
        .toSorted(),
    }));
}

const freshUser = (): string => `DE.${freshNumber()}`;

test("a person who shows no phone number is known by the id that WhatsApp gives them", async () => {
  const { tenant, whatsapp } = await withWhatsApp();
  const user_id = freshUser();
  const first = await whatsapp.hears("Hello", { user_id });
  const again = await whatsapp.hears("Me again", { user_id });
  expect(again).toMatchObject({ id: first.id, contact_id: first.contact_id, message_count: 2 });
  expect(await peopleOf(tenant)).toEqual([{ name: "Sara", identities: [`whatsapp_user ${user_id}`] }]);
});

test("a person who shows both is found by either", async () => {
  const { tenant, whatsapp } = await withWhatsApp();
  const [wa_id, user_id] = [freshNumber(), freshUser()];
  const both = await whatsapp.hears("Both", { wa_id, user_id });
  const by_number = await whatsapp.hears("The number", { wa_id });
  const by_id = await whatsapp.hears("The id", { user_id });
  expect([by_number.contact_id, by_id.contact_id]).toEqual([both.contact_id, both.contact_id]);
  expect(await peopleOf(tenant)).toEqual([{ name: "Sara", identities: [`phone ${wa_id}`, `whatsapp_user ${user_id}`] }]);
});

test.each([
  ["a number and later an id", ["wa_id", "both", "user_id"]],
  ["an id and later a number", ["user_id", "both", "wa_id"]],
] as const)("a person who shows %s stays one contact in one conversation", async (_, order) => {
  const { tenant, whatsapp } = await withWhatsApp();
  const [wa_id, user_id] = [freshNumber(), freshUser()];
  const shown = { wa_id: { wa_id }, user_id: { user_id }, both: { wa_id, user_id } };
  for (const which of order) await whatsapp.hears(which, shown[which]);
  expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 1, messages: 3 });
});

test("a person's own id decides before a number, which goes to who has it now", async () => {
  const { tenant, whatsapp } = await withWhatsApp();
  const [wa_id, hers, his] = [freshNumber(), freshUser(), freshUser()];
  const sara = await whatsapp.hears("I am Sara", { wa_id, user_id: hers, name: "Sara" });
  const omar = await whatsapp.hears("I am Omar", { user_id: his, name: "Omar" });
  const with_number = await whatsapp.hears("I have her number now", { wa_id, user_id: his, name: "Omar" });
  expect(with_number).toMatchObject({ id: omar.id, contact_id: omar.contact_id, message_count: 2 });
  expect((await whatsapp.hears("The number", { wa_id })).id).toBe(omar.id);
  expect((await whatsapp.hears("Still Sara", { user_id: hers })).id).toBe(sara.id);
  expect(await peopleOf(tenant)).toEqual([
    { name: "Sara", identities: [`whatsapp_user ${hers}`] },
    { name: "Omar", identities: [`phone ${wa_id}`, `whatsapp_user ${his}`] },
  ]);
});

test("what was said before a number was somebody else's takes it from nobody", async () => {
  const { world, tenant, whatsapp } = await withWhatsApp();
  const [wa_id, his] = [freshNumber(), freshUser()];
  const omar = await whatsapp.hears("I am Omar", { user_id: his, name: "Omar" });
  const said_at = world.now();
  world.advance(hours(1));
  await whatsapp.hears("I am Sara", { wa_id, name: "Sara" });
  expect((await whatsapp.hears("Told late", { wa_id, user_id: his, at: said_at })).contact_id).toBe(omar.contact_id);
  expect(await peopleOf(tenant)).toEqual([
    { name: "Omar", identities: [`whatsapp_user ${his}`] },
    { name: "Sara", identities: [`phone ${wa_id}`] },
  ]);
});

test("two people in one callback who are introduced by one stay two", async () => {
  const { world, tenant, whatsapp } = await withWhatsApp();
  const [hers, his, user_id] = [freshNumber(), freshNumber(), freshUser()];
  const message = (from: string) => ({
    from,
    id: `wamid.${from}`,
    timestamp: String(Math.floor(epochMs(world.now()) / 1000)),
    type: "text",
    text: { body: "Hello" },
  });
  const contacts = [{ profile: { name: "Sara" }, wa_id: hers, user_id }];
  await whatsapp.tell(changeOf(whatsapp.account_id, { contacts, messages: [message(hers), message(his)] }));
  expect(await countsOf(tenant)).toMatchObject({ contacts: 2, conversations: 2, messages: 2 });
  expect(await peopleOf(tenant)).toEqual([
    { name: "Sara", identities: [`phone ${hers}`, `whatsapp_user ${user_id}`] },
    { name: null, identities: [`phone ${his}`] },
  ]);
});

test("a number is not taken where the message is not taken in", async () => {
  const { db, breakNext } = breakable((await database()).db);
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant);
  const [wa_id, user_id] = [freshNumber(), freshUser()];
  await whatsapp.hears("I am Sara", { wa_id, name: "Sara" });
  await whatsapp.hears("I am Omar", { user_id, name: "Omar" });
  const before = await peopleOf(tenant);
  breakNext("insert", messages);
  await expect(whatsapp.hears("Mine now", { wa_id, user_id })).rejects.toThrow("503");
  expect(await peopleOf(tenant)).toEqual(before);
});

test("a number is the same however it is written", async () => {
  const { world, tenant } = await withWhatsApp();
  const digits = freshNumber();
  await tenant.hears("One", { from: `+${digits}` });
  await tenant.hears("Two", { from: `+${digits.slice(0, 4)} (${digits.slice(4, 7)}) ${digits.slice(7)}` });
  expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 1, messages: 2 });
  expect(world.logged).toEqual([]);
});

test("the first name that is told stays; one that comes late is taken", async () => {
  const { tenant, whatsapp } = await withWhatsApp();
  const wa_id = freshNumber();
  await whatsapp.hears("One", { wa_id, name: "" });
  expect(await peopleOf(tenant)).toMatchObject([{ name: null }]);
  await whatsapp.hears("Two", { wa_id, name: "Sara" });
  const { id } = await whatsapp.hears("Three", { wa_id, name: "Somebody" });
  expect(await peopleOf(tenant)).toMatchObject([{ name: "Sara" }]);
  // What somebody called themselves at the time is told with each message.
  const { body } = await tenant.get<{ data: Message[] }>(`/v1/conversations/${id}/messages?order=asc`);
  expect(body.data.map(({ sender }) => sender.name)).toEqual([null, "Sara", "Somebody"]);
});

test("one person on two channels is one contact in two conversations", async () => {
  const { world, tenant, whatsapp } = await withWhatsApp();
  const other = await createWhatsApp(world, tenant);
  const wa_id = freshNumber();
  const [here, there] = [await whatsapp.hears("Here", { wa_id }), await other.hears("There", { wa_id })];
  expect(there.contact_id).toBe(here.contact_id);
  expect(there.id).not.toBe(here.id);
  const { body } = await tenant.get<{ data: Conversation[] }>(`/v1/conversations?contact_id=${here.contact_id}`);
  expect(body.data.map(({ id }) => id)).toEqual([there.id, here.id]);
});

test("one person in two workspaces is two contacts", async () => {
  const { world, tenant, whatsapp } = await withWhatsApp();
  const neighbour = await world.tenant();
  const theirs = await createWhatsApp(world, neighbour);
  const wa_id = freshNumber();
  const [here, there] = [await whatsapp.hears("Here", { wa_id }), await theirs.hears("There", { wa_id })];
  expect(there.contact_id).not.toBe(here.contact_id);
  expect([await peopleOf(tenant), await peopleOf(neighbour)].map((people) => people.length)).toEqual([1, 1]);
});

test("a person whose identities were not kept is not kept either", async () => {
  const { db, breakNext } = breakable((await database()).db);
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant);
  breakNext("insert", contact_identities);
  await expect(whatsapp.hears("Hello")).rejects.toThrow("503");
  expect(await countsOf(tenant)).toMatchObject({ contacts: 0, provider_events: 0 });
});

test.skipIf(!onPostgres())("callbacks about one person at one moment make one contact, whatever each of them shows", async () => {
  const { world, tenant, whatsapp } = await withWhatsApp();
  for (let round = 0; round < 5; round++) {
    const [wa_id, user_id] = [freshNumber(), freshUser()];
    const shown = [{ wa_id, user_id }, { user_id, wa_id }, { wa_id }, { wa_id, user_id }, { wa_id }, { wa_id, user_id }];
    await Promise.all(shown.map((ids) => whatsapp.tell(saying(world, whatsapp.account_id, "Hello", ids))));
    expect((await peopleOf(tenant)).at(-1)).toEqual({ name: "Sara", identities: [`phone ${wa_id}`, `whatsapp_user ${user_id}`] });
    expect(await countsOf(tenant)).toMatchObject({ contacts: round + 1, conversations: round + 1, messages: shown.length * (round + 1) });
  }
});

test.skipIf(!onPostgres())("a crowd that writes at one moment is as many contacts, and nobody waits for ever", async () => {
  const { world, tenant, whatsapp } = await withWhatsApp();
  const crowd = Array.from({ length: 6 }, () => ({ wa_id: freshNumber(), user_id: freshUser() }));
  const entries = crowd.flatMap((person) => [person, person]).map((person) => saying(world, whatsapp.account_id, "Hello", person));
  // Each callback tells of all of them, in an order of its own.
  await Promise.all([entries, entries.toReversed(), [...entries.slice(5), ...entries.slice(0, 5)]].map((told) => whatsapp.tell(...told)));
  expect(await countsOf(tenant)).toMatchObject({ contacts: 6, conversations: 6, messages: 12, events: 12 });
});
