import { expect, test } from "vitest";
import { contact_addresses, contacts } from "../../src/contacts/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { after, epochMs, hours, minutes, type Timestamp } from "../../src/core/time.ts";
import { breakable } from "../support/breakable-db.ts";
import { callbackOf, changeOf, createWhatsApp, freshNumber } from "../support/channels.ts";
import { database } from "../support/database.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { createWorld } from "../support/world.ts";

async function withWhatsApp(db = undefined as Awaited<ReturnType<typeof database>>["db"] | undefined) {
  const world = await createWorld(db && { db });
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant);
  const calling = (from: string, more: object = {}, at: Timestamp = world.now()) =>
    changeOf(
      whatsapp.account_id,
      {
        contacts: [{ profile: { name: "Sara" }, wa_id: from }],
        calls: [
          {
            id: `wacid.${from}`,
            from,
            event: "connect",
            direction: "USER_INITIATED",
            timestamp: String(Math.floor(epochMs(at) / 1000)),
            ...more,
          },
        ],
      },
      "calls",
    );
  const windowOf = async (id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.messaging_window;
  return { world, tenant, whatsapp, calling, windowOf };
}

test("a customer's call opens the window as a message does, for as long, and is no message", async () => {
  const { world, tenant, whatsapp, calling, windowOf } = await withWhatsApp();
  const wa_id = freshNumber();
  const { id } = await whatsapp.hears("Hello", { wa_id });
  world.advance(hours(30));
  expect(await windowOf(id)).toMatchObject({ state: "closed" });
  const called_at = new Date(Math.floor(epochMs(world.now()) / 1000) * 1000).toISOString();
  await whatsapp.tell(calling(wa_id));
  expect(await windowOf(id)).toMatchObject({ state: "open", expires_at: after(called_at, hours(24)) });
  world.advance(minutes(5));
  await whatsapp.tell(calling(wa_id, { event: "terminate" }));
  await whatsapp.tell(calling(wa_id));
  expect(await windowOf(id)).toMatchObject({ expires_at: after(called_at, hours(24)) });
  expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 1, messages: 1 });
});

test("who only called is a contact who may be written to", async () => {
  const { tenant, whatsapp, calling } = await withWhatsApp();
  const wa_id = freshNumber();
  await whatsapp.tell(calling(wa_id));
  expect(await rowsOf(tenant, contacts)).toMatchObject([{ name: "Sara" }]);
  expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 0, messages: 0 });
  const sent = await tenant.post("/v1/messages", {
    channel_id: whatsapp.channel_id,
    to: { kind: "phone", value: `+${wa_id}` },
    content: { type: "text", text: "You called?" },
  });
  expect([sent.status, sent.body]).toMatchObject([201, { status: "queued" }]);
});

test("a call of the business's own opens nothing", async () => {
  const { tenant, whatsapp, calling } = await withWhatsApp();
  await whatsapp.tell(calling(freshNumber(), { direction: "BUSINESS_INITIATED" }));
  expect(await rowsOf(tenant, contacts)).toEqual([]);
});

test("a call that fails halfway leaves nobody, and opens the window when it is told again", async () => {
  const { db, breakNext } = breakable((await database()).db);
  const { tenant, whatsapp, calling } = await withWhatsApp(db);
  const body = callbackOf(calling(freshNumber()));
  breakNext("insert", contact_addresses);
  expect((await whatsapp.post(body)).status).toBe(503);
  expect(await countsOf(tenant)).toMatchObject({ contacts: 0, provider_events: 0 });
  expect((await whatsapp.post(body)).status).toBe(200);
  expect(await rowsOf(tenant, contact_addresses)).toHaveLength(1);
});
