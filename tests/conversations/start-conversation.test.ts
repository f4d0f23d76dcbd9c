import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { channels } from "../../src/channels/tables.ts";
import { contact_identities } from "../../src/contacts/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId } from "../../src/core/ids.ts";
import { mine } from "../../src/db/mine.ts";
import { breakable } from "../support/breakable-db.ts";
import { createSandbox, createWhatsApp, freshNumber } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withChannel(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const sms = await createSandbox(world, tenant, "twilio_sms");
  return { world, tenant, sms, channel_id: sms.channel_id };
}

const start = <T = Conversation>(tenant: Tenant, body: unknown, headers: Record<string, string> = {}) =>
  tenant.post<T>("/v1/conversations", body, { headers });
const phone = (digits: string) => ({ kind: "phone", value: `+${digits}` });

describe("a conversation", () => {
  test("is started with somebody unknown, who becomes a contact; nothing has been said in it", async () => {
    const { world, tenant, channel_id } = await withChannel();
    const number = freshNumber();
    world.woken.length = 0;
    const { status, headers, body } = await start(tenant, { channel_id, to: phone(number) });
    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`/v1/conversations/${body.id}`);
    expect(body).toMatchObject({
      channel: "twilio_sms",
      channel_id,
      status: "open",
      handler_mode: "unassigned",
      priority: "normal",
      tags: [],
      subject: null,
      message_count: 0,
      last_message_preview: null,
      last_message_at: body.created_at,
      last_inbound_at: null,
      first_response_at: null,
      metadata: {},
    });
    expect((await tenant.get(headers.get("location")!)).body).toEqual(body);
    expect((await tenant.get(`/v1/contacts/${body.contact_id}`)).body).toMatchObject({ name: null, identities: [phone(number)] });
    expect((await tenant.get(`/v1/conversations/${body.id}/messages`)).body["data"]).toEqual([]);
    expect(await countsOf(tenant)).toMatchObject({ conversations: 1, messages: 0, events: 0 });
    expect(world.woken).toEqual([]);
  });

  test("has from the start what it is about", async () => {
    const { tenant, channel_id } = await withChannel();
    const about = { subject: "Order A-1007", priority: "high", handler_mode: "human", metadata: { order_id: "A-1007" } };
    const { body } = await start(tenant, { channel_id, to: phone(freshNumber()), ...about, tags: ["vip", " vip "] });
    expect(body).toMatchObject({ ...about, tags: ["vip"] });
  });

  test("is started with a contact by their id", async () => {
    const { tenant, channel_id } = await withChannel();
    const { contact_id } = await tenant.hears("Hello");
    const { status, body } = await start(tenant, { channel_id, contact_id });
    expect([status, body.contact_id, body.channel]).toEqual([201, contact_id, "twilio_sms"]);
    expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 2 });
  });

  test("is the one in which the contact's next message and the answer to it are", async () => {
    const { tenant, sms, channel_id } = await withChannel();
    const number = freshNumber();
    const { body: started } = await start(tenant, { channel_id, to: phone(number) });
    expect((await tenant.post(`/v1/conversations/${started.id}/messages`, { content: { type: "text", text: "Hello" } })).status).toBe(201);
    const heard = await sms.hears("Who is this?", number);
    expect(heard).toMatchObject({ id: started.id, contact_id: started.contact_id, message_count: 2 });
  });

  test("on a channel with a window knows whether it is open", async () => {
    const { tenant } = await withChannel();
    const { contact_id, id } = await tenant.hears("Hello");
    await tenant.post(`/v1/conversations/${id}/close`);
    const { channel_id } = tenant;
    expect((await start(tenant, { channel_id, contact_id })).body.messaging_window.state).toBe("open");
    expect((await start(tenant, { channel_id, to: phone(freshNumber()) })).body.messaging_window.state).toBe("closed");
  });

  test("is started once for one Idempotency-Key", async () => {
    const { tenant, channel_id } = await withChannel();
    const [body, headers] = [{ channel_id, to: phone(freshNumber()) }, { "Idempotency-Key": "start-1" }];
    const [first, again] = [await start(tenant, body, headers), await start(tenant, body, headers)];
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(await countsOf(tenant)).toMatchObject({ contacts: 1, conversations: 1 });
  });
});

describe("is refused, and leaves nothing", () => {
  test("where one is open already, which is named", async () => {
    const { tenant, sms, channel_id } = await withChannel();
    const number = freshNumber();
    const open = await sms.hears("Hello", number);
    for (const named of [{ to: phone(number) }, { contact_id: open.contact_id }]) {
      const { status, body } = await start<Problem>(tenant, { channel_id, ...named, subject: "Another" });
      expect([status, body.code, body["conversation_id"], body["allowed"]]).toEqual([409, "invalid_status_transition", open.id, []]);
      expect(body.detail).toContain(open.id);
    }
    expect((await tenant.get<Conversation>(`/v1/conversations/${open.id}`)).body).toEqual(open);
    await tenant.get(`/v1/conversations/${open.id}`, { method: "PATCH", body: { status: "pending" } });
    expect((await start(tenant, { channel_id, to: phone(number) })).status).toBe(409);

    await tenant.post(`/v1/conversations/${open.id}/close`);
    expect((await start(tenant, { channel_id, to: phone(number) })).status).toBe(201);
  });

  const refused = async (body: object) => {
    const { tenant, channel_id } = await withChannel();
    const before = await countsOf(tenant);
    const answer = await start<Problem>(tenant, { channel_id, ...body });
    expect(await countsOf(tenant)).toEqual(before);
    return [answer.status, answer.body.code, answer.body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)];
  };
  const to = phone("15550101001");

  test.each<[string, object, string[]]>([
    ["with nobody", {}, ["/to required"]],
    ["with somebody named twice", { to, contact_id: createNewId()("cont") }, ["/to not_allowed"]],
    ["with a contact who is not there", { contact_id: createNewId()("cont") }, ["/contact_id no_such_resource"]],
    ["on a channel that is not there", { to, channel_id: createNewId()("chan") }, ["/channel_id no_such_resource"]],
    ["on a malformed channel", { to, channel_id: "sms" }, ["/channel_id no_such_resource"]],
    ["with a number without its country", { to: { kind: "phone", value: "0555 010" } }, ["/to/value invalid_phone"]],
    ["with an unknown kind of name", { to: { kind: "fax", value: "1" } }, ["/to/kind not_allowed"]],
    ["with a blank subject", { to, subject: " " }, ["/subject too_small"]],
    ["with 51 tags", { to, tags: Array.from({ length: 51 }, (_, n) => `${n}`) }, ["/tags too_large"]],
    ["with a status", { to, status: "pending" }, ["/status unknown_field"]],
    ["with metadata that takes something away", { to, metadata: { k: null } }, ["/metadata/k invalid_type"]],
  ])("%s", async (_, body, faults) => {
    expect(await refused(body)).toEqual([400, "validation_failed", faults]);
  });

  test("with whom the channel does not reach", async () => {
    const { world, tenant, channel_id } = await withChannel();
    const { body: nameless } = await tenant.post<{ id: string }>("/v1/contacts", {
      name: "Sara",
      identities: [{ kind: "visitor", value: "v-1" }],
    });
    const before = await countsOf(tenant);
    for (const named of [
      { contact_id: nameless.id },
      { to: { kind: "visitor", value: "v-1" } },
      { to: { kind: "page_user", value: "1" } },
    ]) {
      const { status, body } = await start<Problem>(tenant, { channel_id, ...named });
      expect([status, body.code]).toEqual([422, "recipient_unreachable"]);
    }
    expect(await countsOf(tenant)).toEqual(before);
    const whatsapp = await createWhatsApp(world, tenant);
    const by_id = { channel_id: whatsapp.channel_id, to: { kind: "whatsapp_user", value: "DE.123456" } };
    expect((await start(tenant, by_id)).status).toBe(201);
  });

  test("with a contact who was deleted", async () => {
    const { tenant, channel_id } = await withChannel();
    const { contact_id } = await tenant.hears("Hello");
    await tenant.delete(`/v1/contacts/${contact_id}`);
    const { status, body } = await start<Problem>(tenant, { channel_id, contact_id });
    expect([status, body.errors]).toMatchObject([400, [{ pointer: "/contact_id", code: "no_such_resource" }]]);
  });

  test("with another workspace's contact, or on its channel", async () => {
    const { world, tenant, channel_id } = await withChannel();
    const neighbour = await world.tenant();
    const { contact_id } = await neighbour.hears("Hello");
    expect((await start(tenant, { channel_id, contact_id })).status).toBe(400);
    expect((await start(tenant, { channel_id: neighbour.channel_id, to })).status).toBe(400);
    expect(await countsOf(tenant)).toMatchObject({ contacts: 0, conversations: 0 });
  });

  test("on a channel that is not connected", async () => {
    const { tenant, channel_id } = await withChannel();
    await tenant.ctx.db
      .update(channels)
      .set({ status: "disconnected" })
      .where(and(mine(tenant.ctx, channels), eq(channels.id, channel_id)));
    const { status, body } = await start<Problem>(tenant, { channel_id, to });
    expect([status, body.code]).toEqual([409, "channel_disconnected"]);
    expect(await countsOf(tenant)).toMatchObject({ contacts: 0 });
  });

  test("on a telephone line: nobody is called", async () => {
    const { world, tenant } = await withChannel();
    const voice = await createSandbox(world, tenant, "twilio_voice");
    const { status, body } = await start<Problem>(tenant, { channel_id: voice.channel_id, to });
    expect([status, body.code]).toEqual([409, "call_not_active"]);
  });

  test.each(["the contact cannot be written", "the conversation cannot be written"])("where %s", async (which) => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant, channel_id } = await withChannel({ db });
    if (which === "the contact cannot be written") breakNext("insert", contact_identities);
    else breakNext("insert", conversations);
    expect((await start(tenant, { channel_id, to })).status).toBe(500);
    expect(await countsOf(tenant)).toMatchObject({ contacts: 0, conversations: 0 });
    expect((await start(tenant, { channel_id, to })).status).toBe(201);
  });
});

test.skipIf(!onPostgres())("of many at one moment one starts it, and the others are told which", async () => {
  const { tenant, sms, channel_id } = await withChannel();
  for (let round = 0; round < 4; round++) {
    const number = freshNumber();
    const [heard, ...answers] = await Promise.all([
      sms.hears("Hello", number),
      ...Array.from({ length: 4 }, () => start<Record<string, unknown>>(tenant, { channel_id, to: phone(number) })),
    ]);
    const open = (await rowsOf(tenant, conversations)).filter(({ contact_id }) => contact_id === heard.contact_id);
    expect(open).toHaveLength(1);
    for (const { status, body } of answers) {
      expect([201, 409]).toContain(status);
      expect(body[status === 201 ? "id" : "conversation_id"]).toBe(open[0]!.id);
    }
    expect(answers.filter(({ status }) => status === 201).length).toBeLessThanOrEqual(1);
    expect(open[0]!.message_count).toBe(1);
  }
  expect(await countsOf(tenant)).toMatchObject({ contacts: 4, conversations: 4 });
});
