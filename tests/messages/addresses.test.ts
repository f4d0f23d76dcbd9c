import { describe, expect, test } from "vitest";
import type { Contact } from "../../src/contacts/contract.ts";
import { contact_addresses } from "../../src/contacts/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { hours, minutes } from "../../src/core/time.ts";
import type { Message } from "../../src/messages/contract.ts";
import { messages } from "../../src/messages/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { createMessaging, createWhatsApp, freshNumber } from "../support/channels.ts";
import { database } from "../support/database.ts";
import { createGraphTwin } from "../support/graph-twin.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { answeringJson, createTwilio, createTwilioTwin, freshSid, refusing } from "../support/twilio.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

const phone = (value: string) => ({ kind: "phone", value });
const text = (said: string) => ({ type: "text", text: said });

const know = async (tenant: Tenant, ...identities: object[]) => (await tenant.post<Contact>("/v1/contacts", { identities })).body;
const identify = (tenant: Tenant, { id }: { id: string }, ...identities: object[]) =>
  tenant.patch<Contact>(`/v1/contacts/${id}`, { identities });
const read = async (tenant: Tenant, { id }: { id: string }) => (await tenant.get<Message>(`/v1/messages/${id}`)).body;
const answer = <T = Message>(tenant: Tenant, { id }: { id: string }, said = "On its way.") =>
  tenant.post<T>(`/v1/conversations/${id}/messages`, { content: text(said) });
const refusalOf = ({ status, body }: { status: number; body: unknown }) => [status, (body as Problem).code];

/** Somebody with two numbers, known by the one of the office first. */
async function withSms(db?: World["services"]["db"]) {
  const twin = await createTwilioTwin();
  const world = await createWorld({ settings: { twilio_api_url: twin.url }, ...(db && { db }) });
  const tenant = await world.tenant();
  const sms = await createTwilio(world, tenant, "twilio_sms", { account_sid: twin.account_sid });
  const [office, mobile] = [`+${freshNumber()}`, `+${freshNumber()}`];
  const contact = await know(tenant, phone(office));
  world.advance(1000);
  await identify(tenant, contact, phone(office), phone(mobile));
  const send = <T = Message>(more: object) =>
    tenant.post<T>("/v1/messages", { channel_id: sms.channel_id, content: text("Your code is 1234"), ...more });
  const sentTo = async () => {
    await world.sendQueued();
    return twin.asked.map(({ form }) => form.get("To") ?? "nobody");
  };
  return { twin, world, tenant, sms, office, mobile, contact, send, sentTo };
}

describe("a message that names an address goes there", () => {
  test("whichever of the contact's it is, and whatever they were known by first", async () => {
    const { mobile, office, contact, send, sentTo } = await withSms();
    const { body } = await send({ to: phone(mobile) });
    expect(body.contact_id).toBe(contact.id);
    await send({ to: phone(office) });
    expect((await sentTo()).toSorted()).toEqual([mobile, office].toSorted());
  });

  test("also while the contact writes from another, and answers go on to where they write from", async () => {
    const { tenant, sms, mobile, office, send, sentTo } = await withSms();
    const conversation = await sms.hears("Hello", office);
    const { body } = await send({ to: phone(mobile) });
    expect(body.conversation_id).toBe(conversation.id);
    expect(await sentTo()).toEqual([mobile]);
    await answer(tenant, conversation);
    expect(await sentTo()).toEqual([mobile, office]);
  });

  test("and when it failed is retried there", async () => {
    const { twin, world, tenant, sms, mobile, office, send, sentTo } = await withSms();
    await sms.hears("Hello", office);
    const accepting = twin.answer;
    twin.answer = refusing(400, 21610);
    const { body } = await send({ to: phone(mobile) });
    await world.sendQueued();
    expect((await read(tenant, body)).status).toBe("failed");
    twin.answer = accepting;
    expect((await tenant.post(`/v1/messages/${body.id}/retry`)).status).toBe(202);
    expect(await sentTo()).toEqual([mobile, mobile]);
  });

  test("or nowhere: what the contact has given up meanwhile is neither written to nor replaced", async () => {
    const { world, tenant, mobile, office, contact, send, sentTo } = await withSms();
    const { body } = await send({ to: phone(mobile) });
    await identify(tenant, contact, phone(office));
    expect(await sentTo()).toEqual([]);
    expect(await read(tenant, body)).toMatchObject({ status: "failed", error: { code: "recipient_unreachable" } });
    expect(refusalOf(await tenant.post(`/v1/messages/${body.id}/retry`))).toEqual([422, "recipient_unreachable"]);
    await world.sendQueued();
    expect(await read(tenant, body)).toMatchObject({ status: "failed" });
  });

  test("or nowhere: a number that is another contact's by now", async () => {
    const { tenant, mobile, office, contact, send, sentTo } = await withSms();
    const { body } = await send({ to: phone(mobile) });
    await identify(tenant, contact, phone(office));
    await know(tenant, phone(mobile));
    expect(await sentTo()).toEqual([]);
    expect((await read(tenant, body)).error?.code).toBe("recipient_unreachable");
  });

  test("or nowhere: that of a contact who was deleted, of whom nothing stays", async () => {
    const { tenant, sms, mobile, contact, send, sentTo } = await withSms();
    await sms.hears("Hello", mobile);
    const { body } = await send({ to: phone(mobile) });
    await tenant.delete(`/v1/contacts/${contact.id}`);
    expect(await sentTo()).toEqual([]);
    expect((await read(tenant, body)).error?.code).toBe("recipient_unreachable");
    expect(await rowsOf(tenant, contact_addresses)).toEqual([]);
    expect(JSON.stringify(await rowsOf(tenant, messages))).not.toContain(mobile.slice(1));
  });
});

describe("a conversation", () => {
  test("that was opened to an address is answered there, until the contact writes from another", async () => {
    const { tenant, sms, mobile, office, sentTo } = await withSms();
    const { body: opened } = await tenant.post<Conversation>("/v1/conversations", { channel_id: sms.channel_id, to: phone(mobile) });
    await answer(tenant, opened);
    expect(await sentTo()).toEqual([mobile]);
    expect((await sms.hears("It is me", office)).id).toBe(opened.id);
    await answer(tenant, opened);
    expect(await sentTo()).toEqual([mobile, office]);
  });

  test("that a message to an address has opened, too; and by the contact alone, where no address was named", async () => {
    const { tenant, sms, mobile, office, contact, send, sentTo } = await withSms();
    const heard = await sms.hears("Hello", office);
    await tenant.post(`/v1/conversations/${heard.id}/close`);
    const { body } = await send({ to: phone(mobile) });
    await answer(tenant, { id: body.conversation_id });
    await send({ contact_id: contact.id });
    expect(await sentTo()).toEqual([mobile, mobile, mobile]);
    await tenant.post(`/v1/conversations/${body.conversation_id}/close`);
    await send({ contact_id: contact.id });
    expect((await sentTo()).at(-1)).toBe(office);
  });

  test("whose address the contact has given up is answered at another", async () => {
    const { tenant, mobile, office, contact, send, sentTo } = await withSms();
    const { body } = await send({ to: phone(mobile) });
    expect(await sentTo()).toEqual([mobile]);
    await identify(tenant, contact, phone(office));
    await answer(tenant, { id: body.conversation_id });
    expect(await sentTo()).toEqual([mobile, office]);
  });

  test("is answered where the contact wrote last, in whatever order it is told", async () => {
    const { world, tenant, sms, mobile, office, sentTo } = await withSms();
    await sms.hears("Hello", office);
    world.advance(minutes(1));
    const conversation = await sms.hears("On the road now", mobile);
    await answer(tenant, conversation);
    expect(await sentTo()).toEqual([mobile]);
    world.advance(minutes(1));
    await sms.hears("Back again", office);
    await answer(tenant, conversation);
    expect(await sentTo()).toEqual([mobile, office]);
  });
});

describe("who asked for no more messages asked it for the number they wrote from", () => {
  test("and takes it back for that number alone", async () => {
    const { tenant, sms, mobile, office, send, sentTo } = await withSms();
    await sms.hears("STOP", office);
    const conversation = await sms.hears("yes", mobile);
    expect(refusalOf(await send({ to: phone(office) }))).toEqual([422, "recipient_opted_out"]);
    expect((await send({ to: phone(mobile) })).status).toBe(201);
    expect((await answer(tenant, conversation)).status).toBe(201);
    expect(await sentTo()).toEqual([mobile, mobile]);
    await sms.hears("START", office);
    expect((await send({ to: phone(office) })).status).toBe(201);
    expect((await sentTo()).at(-1)).toBe(office);
  });

  test("is not written to at another instead", async () => {
    const { tenant, sms, office, contact, send } = await withSms();
    const conversation = await sms.hears("STOP", office);
    expect(refusalOf(await send({ contact_id: contact.id }))).toEqual([422, "recipient_opted_out"]);
    expect(refusalOf(await answer(tenant, conversation))).toEqual([422, "recipient_opted_out"]);
  });

  test("is heard also by what was queued, and by its retry", async () => {
    const { tenant, sms, mobile, office, send, sentTo } = await withSms();
    const [waiting, other] = [await send({ to: phone(office) }), await send({ to: phone(mobile) })];
    await sms.hears("STOP", office);
    expect(await sentTo()).toEqual([mobile]);
    expect(await read(tenant, waiting.body)).toMatchObject({ status: "failed", error: { code: "recipient_opted_out" } });
    expect((await read(tenant, other.body)).status).toBe("sent");
    expect(refusalOf(await tenant.post(`/v1/messages/${waiting.body.id}/retry`))).toEqual([422, "recipient_opted_out"]);
  });

  test("is heard of the number, whoever has it by then", async () => {
    const { tenant, sms, mobile, office, contact, send } = await withSms();
    await sms.hears("STOP", office);
    await identify(tenant, contact, phone(mobile));
    expect(refusalOf(await send({ to: phone(office) }))).toEqual([422, "recipient_opted_out"]);
  });
});

/** Somebody of whom the team noted another number before they wrote. */
async function withWhatsApp(db?: World["services"]["db"]) {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url }, ...(db && { db }) });
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant, twin.account_id);
  const send = <T = Message>(more: object) =>
    tenant.post<T>("/v1/messages", { channel_id: whatsapp.channel_id, content: text("Hello"), ...more });
  const sentTo = async () => {
    await world.sendQueued();
    return twin.asked.map(({ body }) => body["to"] ?? body["recipient"]);
  };
  return { twin, world, tenant, whatsapp, send, sentTo };
}

describe("on WhatsApp", () => {
  test("the answer goes to the number that wrote, and the window is that number's", async () => {
    const { world, tenant, whatsapp, send, sentTo } = await withWhatsApp();
    const [office, mobile] = [freshNumber(), freshNumber()];
    const contact = await know(tenant, phone(`+${office}`), phone(`+${mobile}`));
    const conversation = await whatsapp.hears("Where is my order?", { wa_id: mobile });
    expect(conversation.contact_id).toBe(contact.id);
    await answer(tenant, conversation);
    await send({ contact_id: contact.id });
    expect(await sentTo()).toEqual([mobile, mobile]);
    const before = await countsOf(tenant);
    expect(refusalOf(await send({ to: phone(`+${office}`) }))).toEqual([422, "messaging_window_closed"]);
    expect(await countsOf(tenant)).toEqual(before);
    expect((await send({ to: phone(`+${mobile}`) })).body.conversation_id).toBe(conversation.id);

    world.advance(hours(23));
    await whatsapp.hears("And from here", { wa_id: office });
    world.advance(hours(2));
    const later = (await tenant.get<Conversation>(`/v1/conversations/${conversation.id}`)).body;
    expect(later.messaging_window.state).toBe("open");
    expect((await send({ to: phone(`+${office}`) })).status).toBe(201);
    expect(refusalOf(await send({ to: phone(`+${mobile}`) }))).toEqual([422, "messaging_window_closed"]);
  });

  test("the window of the number it names is judged again before it is sent, and when it is retried", async () => {
    const { world, tenant, whatsapp, send, sentTo } = await withWhatsApp();
    const [office, mobile] = [freshNumber(), freshNumber()];
    await know(tenant, phone(`+${office}`), phone(`+${mobile}`));
    await whatsapp.hears("Hello", { wa_id: mobile });
    const { body } = await send({ to: phone(`+${mobile}`) });
    world.advance(hours(23));
    await whatsapp.hears("Hello", { wa_id: office });
    world.advance(hours(2));
    expect(await sentTo()).toEqual([]);
    expect((await read(tenant, body)).error?.code).toBe("messaging_window_closed");
    expect(refusalOf(await tenant.post(`/v1/messages/${body.id}/retry`))).toEqual([422, "messaging_window_closed"]);
  });

  test("who is named by their WhatsApp id is written to by it, whatever number the team has noted", async () => {
    const { tenant, whatsapp, send, sentTo } = await withWhatsApp();
    const [landline, user_id] = [freshNumber(), `DE.${freshNumber()}`];
    const { contact_id: id, ...conversation } = await whatsapp.hears("Hello", { user_id });
    const user = { kind: "whatsapp_user", value: user_id };
    await identify(tenant, { id }, phone(`+${landline}`), user);
    await send({ to: user });
    expect(await sentTo()).toEqual([user_id]);
    await answer(tenant, conversation);
    expect(await sentTo()).toEqual([user_id, user_id]);
  });

  test("whose address cannot be kept has said nothing, and is taken in when it is told again", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const { world, tenant, whatsapp, sentTo } = await withWhatsApp(db);
    const [office, mobile] = [freshNumber(), freshNumber()];
    await know(tenant, phone(`+${office}`), phone(`+${mobile}`));
    breakNext("insert", contact_addresses);
    const said = { wa_id: mobile, id: `wamid.${mobile}`, at: world.now() };
    await expect(whatsapp.hears("Hello", said)).rejects.toThrow("503");
    expect(await countsOf(tenant)).toMatchObject({ conversations: 0, messages: 0, provider_events: 0 });
    expect(await rowsOf(tenant, contact_addresses)).toEqual([]);
    await answer(tenant, await whatsapp.hears("Hello", said));
    expect(await sentTo()).toEqual([mobile]);
  });

  test("whoever takes another number keeps the window they opened", async () => {
    const { world, tenant, whatsapp, sentTo } = await withWhatsApp();
    const [before, now] = [freshNumber(), freshNumber()];
    const conversation = await whatsapp.hears("Hello", { wa_id: before });
    const system = { type: "user_changed_number", wa_id: now };
    await whatsapp.tell({
      id: "100200300",
      changes: [
        {
          field: "messages",
          value: {
            messaging_product: "whatsapp",
            metadata: { display_phone_number: "15550100200", phone_number_id: whatsapp.account_id },
            messages: [
              { from: before, id: `wamid.system.${now}`, timestamp: String(Math.floor(Date.now() / 1000)), type: "system", system },
            ],
          },
        },
      ],
    });
    world.advance(minutes(5));
    expect((await answer(tenant, conversation)).status).toBe(201);
    expect(await sentTo()).toEqual([now]);
    expect(JSON.stringify(await rowsOf(tenant, contact_addresses))).not.toContain(before);
  });
});

test("on the second of two Pages the answer carries the name that the person has there", async () => {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url } });
  const tenant = await world.tenant();
  const first = await createMessaging(world, tenant, "facebook_page");
  const second = await createMessaging(world, tenant, "facebook_page", twin.account_id);
  const { contact_id: id } = await first.hears("Hello");
  const page_user = (value: string) => ({ kind: "page_user", value });
  await identify(tenant, { id }, page_user(first.person), page_user(second.person));
  const conversation = await second.hears("Hello here too");
  expect(conversation.contact_id).toBe(id);
  await answer(tenant, conversation);
  await world.sendQueued();
  expect(twin.asked.map(({ body }) => body["recipient"])).toEqual([{ id: second.person }]);
  const named = { channel_id: second.channel_id, content: text("Hello") };
  expect(refusalOf(await tenant.post("/v1/messages", { ...named, to: page_user(first.person) }))).toEqual([422, "messaging_window_closed"]);
});

test("what names a number is not spoken into a call with another", async () => {
  const twin = await createTwilioTwin();
  const world = await createWorld({ settings: { twilio_api_url: twin.url } });
  const tenant = await world.tenant();
  const voice = await createTwilio(world, tenant, "twilio_voice", { account_sid: twin.account_sid });
  const [office, mobile, CallSid] = [`+${freshNumber()}`, `+${freshNumber()}`, freshSid("CA")];
  twin.answer = answeringJson(200, { sid: CallSid, status: "in-progress" });
  const contact = await know(tenant, phone(office), phone(mobile));
  await voice.tell("voice", { CallSid, From: office, To: voice.account_id, Direction: "inbound", CallStatus: "ringing" });
  const say = (more: object) => tenant.post("/v1/messages", { channel_id: voice.channel_id, content: text("1234"), ...more });
  expect(refusalOf(await say({ to: phone(mobile) }))).toEqual([409, "call_not_active"]);
  expect((await say({ to: phone(office) })).status).toBe(201);
  expect((await say({ contact_id: contact.id })).status).toBe(201);
  await world.sendQueued();
  expect(twin.asked.map(({ path }) => path)).toEqual(Array(2).fill(expect.stringContaining(`/Calls/${CallSid}.json`)));
});

describe("a number that WhatsApp spells otherwise", () => {
  /** As Mexico's: sent to 52…, answered from 521…. */
  const spelling = () => {
    const digits = freshNumber();
    return { ours: `52${digits.slice(-10)}`, theirs: `521${digits.slice(-10)}` };
  };
  const accepting = (wa_id: string, id: string) =>
    answeringJson(200, { messaging_product: "whatsapp", contacts: [{ input: "", wa_id }], messages: [{ id }] });
  /** A template may be sent to whoever has not written; that they have written to it is the shorter way to the same. */
  async function withOpen(db?: World["services"]["db"]) {
    const setting = await withWhatsApp(db);
    const { ours, theirs } = spelling();
    const conversation = await setting.whatsapp.hears("Hello", { wa_id: ours });
    setting.twin.answer = accepting(theirs, `wamid.${theirs}`);
    return { ...setting, ours, theirs, conversation, contact: { id: conversation.contact_id } };
  }
  const identitiesOf = async (tenant: Tenant, { id }: { id: string }) =>
    (await tenant.get<Contact>(`/v1/contacts/${id}`)).body.identities.map(({ value }) => value).toSorted();

  test("is the contact's too: the reply from there is theirs, in the same conversation", async () => {
    const { world, tenant, whatsapp, ours, theirs, conversation, contact, send, sentTo } = await withOpen();
    await answer(tenant, conversation);
    expect(await sentTo()).toEqual([ours]);
    expect(await identitiesOf(tenant, contact)).toEqual([`+${theirs}`, `+${ours}`].toSorted());
    world.advance(hours(25));
    expect((await whatsapp.hears("Thanks", { wa_id: theirs })).id).toBe(conversation.id);
    expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 1 });
    // Both are one address, and one window: also for whoever goes on to name it as before.
    expect((await send({ to: phone(`+${ours}`) })).status).toBe(201);
    await answer(tenant, conversation);
    expect(await sentTo()).toEqual([ours, theirs, theirs]);
    expect(await identitiesOf(tenant, contact)).toEqual([`+${theirs}`, `+${ours}`].toSorted());
  });

  test("stays somebody else's where it is", async () => {
    const { tenant, ours, theirs, conversation, contact, sentTo } = await withOpen();
    const other = await know(tenant, phone(`+${theirs}`));
    const { body } = await answer(tenant, conversation);
    expect(await sentTo()).toEqual([ours]);
    expect((await read(tenant, body)).status).toBe("sent");
    expect(await identitiesOf(tenant, contact)).toEqual([`+${ours}`]);
    expect(await identitiesOf(tenant, other)).toEqual([`+${theirs}`]);
  });

  test("is not learnt of a contact who was deleted while the message was on its way", async () => {
    const { twin, tenant, theirs, conversation, contact, sentTo } = await withOpen();
    twin.answer = async (response) => {
      await tenant.delete(`/v1/contacts/${contact.id}`);
      accepting(theirs, `wamid.${theirs}`)(response);
    };
    const { body } = await answer(tenant, conversation);
    await sentTo();
    expect((await read(tenant, body)).status).toBe("sent");
    const { body: found } = await tenant.get<{ data: Contact[] }>(`/v1/contacts?identity=${theirs}`);
    expect(found.data).toEqual([]);
  });

  test.each([
    ["what is no number", "nobody"],
    ["the number itself", undefined],
  ])("is learnt from no answer with %s", async (_, wa_id) => {
    const { twin, tenant, ours, conversation, contact, sentTo } = await withOpen();
    twin.answer = accepting(wa_id ?? ours, `wamid.${ours}`);
    await answer(tenant, conversation);
    await sentTo();
    expect(await identitiesOf(tenant, contact)).toEqual([`+${ours}`]);
  });
});
