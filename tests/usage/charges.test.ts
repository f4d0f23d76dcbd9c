import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { pricedMetrics, pricing } from "../../src/core/pricing.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { atomically } from "../../src/db/atomically.ts";
import type { Message } from "../../src/messages/contract.ts";
import { storeMessage } from "../../src/messages/store-message.ts";
import { messages } from "../../src/messages/tables.ts";
import { charge } from "../../src/usage/charge.ts";
import { ledger_entries } from "../../src/usage/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { createSandbox, createWhatsApp, freshNumber } from "../support/channels.ts";
import { database } from "../support/database.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { createTwilio, freshSid } from "../support/twilio.ts";
import { ledgerOf, listLedger } from "../support/usage.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const { prices } = pricing;
const inbound = { metric: "messages_inbound", quantity: 1, credits: prices.messages_inbound };
const outbound = { metric: "messages_outbound", quantity: 1, credits: prices.messages_outbound };
const free = { credits: 0 };

async function withTenant(db?: Parameters<typeof createWorld>[0]) {
  const world = await createWorld(db);
  return { world, tenant: await world.tenant() };
}
const say = (tenant: Tenant, id: string, text: string) =>
  tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text } });
const creditsIn = async (tenant: Tenant) => (await rowsOf(tenant, messages)).map(({ credits }) => credits).toSorted((a, b) => a - b);

describe("a message", () => {
  test("is charged when it is stored, says what it cost, and the ledger says whose request it was", async () => {
    const { tenant } = await withTenant();
    const { id } = await tenant.hears("Hello");
    const { body: message } = await say(tenant, id, "Good day");
    expect(message.credits).toBe(prices.messages_outbound);
    const [last, first] = await listLedger(tenant);
    expect(first).toMatchObject({ ...inbound, api_key_id: null, conversation_id: id, channel: "whatsapp", channel_id: tenant.channel_id });
    const { body: me } = await tenant.get<{ api_key: { id: string } }>("/v1/me");
    expect(last).toMatchObject({ ...outbound, api_key_id: me.api_key.id, conversation_id: id, message_id: message.id });
    expect(await creditsIn(tenant)).toEqual([prices.messages_inbound, prices.messages_outbound]);
  });

  test("that is told twice is charged once", async () => {
    const { world, tenant } = await withTenant();
    const whatsapp = await createWhatsApp(world, tenant);
    await whatsapp.hears("Hello", { id: "wamid.told-twice" });
    await whatsapp.hears("Hello", { id: "wamid.told-twice" });
    expect(await ledgerOf(tenant)).toEqual([inbound]);
  });

  test("that is sent, reported, fails and is retried is charged once", async () => {
    const { world, tenant } = await withTenant();
    const { id } = await tenant.hears("Hello");
    const { body: message } = await say(tenant, id, "Good day");
    await world.sendQueued();
    await tenant.ctx.db.update(messages).set({ status: "failed" }).where(eq(messages.id, message.id));
    expect((await tenant.post(`/v1/messages/${message.id}/retry`)).status).toBe(202);
    await world.sendQueued();
    expect(await ledgerOf(tenant)).toEqual([inbound, outbound]);
    expect(await creditsIn(tenant)).toEqual([prices.messages_inbound, prices.messages_outbound]);
  });

  test("of ours that is told back to us is charged once; one from the provider's inbox is counted, and free", async () => {
    const { world, tenant } = await withTenant();
    const whatsapp = await createWhatsApp(world, tenant);
    const wa_id = freshNumber();
    const { id } = await whatsapp.hears("Hello", { wa_id });
    const { body: message } = await say(tenant, id, "Good day");
    await tenant.ctx.db.update(messages).set({ status: "unknown" }).where(eq(messages.id, message.id));
    await whatsapp.echoes(wa_id, "Good day", { id: "wamid.ours" });
    await whatsapp.echoes(wa_id, "Good day", { id: "wamid.ours" });
    expect(await ledgerOf(tenant)).toEqual([inbound, outbound]);
    await whatsapp.echoes(wa_id, "I take this one", { id: "wamid.foreign" });
    await whatsapp.echoes(wa_id, "I take this one", { id: "wamid.foreign" });
    expect(await ledgerOf(tenant)).toEqual([inbound, outbound, { ...outbound, ...free }]);
  });

  test("whose request is repeated with its Idempotency-Key is charged once", async () => {
    const { tenant } = await withTenant();
    const { id } = await tenant.hears("Hello");
    const once = { headers: { "Idempotency-Key": "once" } };
    for (const _ of [1, 2]) await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Hi" } }, once);
    expect(await ledgerOf(tenant)).toEqual([inbound, outbound]);
  });

  test("of the AI costs its reply too", async () => {
    const { tenant } = await withTenant();
    const { id } = await tenant.hears("Hello");
    const [conversation] = await tenant.ctx.db.select().from(conversations).where(eq(conversations.id, id));
    const message = await atomically(tenant.ctx, (tx) =>
      storeMessage(tx, conversation!, null, {
        direction: "outbound",
        sender: { type: "ai_agent", id: null, name: "Wassla" },
        content: { type: "text", text: "Good day" },
        status: "queued",
      }),
    );
    expect(message.credits).toBe(prices.messages_outbound + prices.ai_replies);
    expect(await ledgerOf(tenant)).toEqual([inbound, outbound, { metric: "ai_replies", quantity: 1, credits: prices.ai_replies }]);
  });
});

describe("an SMS", () => {
  test.each([
    ["of one part", "Good day", 1],
    ["of three parts", "س".repeat(135), 3],
  ])("%s costs its segments", async (_, text, quantity) => {
    const { world, tenant } = await withTenant();
    const sms = await createSandbox(world, tenant, "twilio_sms");
    const { id } = await sms.hears("Hello", freshNumber());
    const { body: message } = await say(tenant, id, text);
    const segments = { metric: "sms_segments", quantity, credits: prices.sms_segments * quantity };
    expect(await ledgerOf(tenant)).toEqual([inbound, outbound, segments]);
    expect(message.credits).toBe(prices.messages_outbound + prices.sms_segments * quantity);
  });

  test("with a file is one, whatever is written below it", async () => {
    const { world, tenant } = await withTenant();
    const sms = await createSandbox(world, tenant, "twilio_sms");
    const { id } = await sms.hears("Hello", freshNumber());
    const content = { type: "media", media_type: "image", url: "https://files.example/a.png", caption: "x".repeat(500) };
    await tenant.post(`/v1/conversations/${id}/messages`, { content });
    expect((await ledgerOf(tenant)).at(-1)).toEqual({ metric: "sms_segments", quantity: 1, credits: prices.sms_segments });
  });
});

describe("a call", () => {
  async function withCall() {
    const { world, tenant } = await withTenant();
    const voice = await createTwilio(world, tenant, "twilio_voice");
    const call = { CallSid: freshSid("CA"), From: `+${freshNumber()}`, To: voice.account_id, Direction: "inbound" };
    return {
      tenant,
      rings: () => voice.tell("voice", { ...call, CallStatus: "ringing" }),
      says: (text: string) => voice.tell("voice?turn=call-1&silent=0", { ...call, CallStatus: "in-progress", SpeechResult: text }),
      ends: (CallDuration: string, CallStatus = "completed") =>
        voice.tell("status", { ...call, CallStatus, CallDuration, SequenceNumber: "3" }),
    };
  }
  const word = { metric: "messages_inbound", quantity: 1, credits: 0 };
  const minutes = (quantity: number) => ({ metric: "voice_minutes", quantity, credits: prices.voice_minutes * quantity });

  test("costs every minute that was begun, once, however often its end is told; its words are free", async () => {
    const { tenant, rings, says, ends } = await withCall();
    await rings();
    await says("My parcel is late");
    expect(await ledgerOf(tenant)).toEqual([word, word]);
    await ends("61");
    await ends("61");
    await ends("600");
    expect(await ledgerOf(tenant)).toEqual([word, word, minutes(2)]);
    expect(await creditsIn(tenant)).toEqual([0, prices.voice_minutes * 2]);
  });

  test("whose end is the first that is heard of it costs the same", async () => {
    const { tenant, rings, ends } = await withCall();
    await ends("60");
    await rings();
    await ends("60");
    expect(await ledgerOf(tenant)).toEqual([word, minutes(1)]);
    expect(await creditsIn(tenant)).toEqual([prices.voice_minutes]);
  });

  test("that nobody took costs nothing", async () => {
    const { tenant, rings, ends } = await withCall();
    await rings();
    await ends("0", "no-answer");
    expect(await ledgerOf(tenant)).toEqual([word]);
  });
});

describe("whatever is charged for", () => {
  test.each(pricedMetrics)("%s has a price, and its writer adds up to the thousandth", async (metric) => {
    const { tenant } = await withTenant();
    const credits = await atomically(tenant.ctx, (tx) => charge(tx, {}, [{ metric, quantity: 7 }]));
    expect(credits).toBe(Math.round(prices[metric] * 7000) / 1000);
    expect(await listLedger(tenant)).toMatchObject([
      { metric, quantity: 7, credits, channel: null, conversation_id: null, message_id: null },
    ]);
  });

  test("costs what the settings say, and is free where they say nothing", async () => {
    const { world, tenant } = await withTenant();
    world.services.pricing = { ...pricing, prices: { ...prices, messages_inbound: 0.007, messages_outbound: 0 } };
    const { id } = await tenant.hears("Hello");
    await say(tenant, id, "Good day");
    expect(await ledgerOf(tenant)).toEqual([
      { ...inbound, credits: 0.007 },
      { ...outbound, credits: 0 },
    ]);
  });
});

describe("halfway", () => {
  test.each(["the ledger", "the message", "what follows"] as const)(
    "nothing is charged and nothing said where %s cannot be written",
    async (which) => {
      const { db, breakNext } = breakable((await database()).db);
      const { tenant } = await withTenant({ db });
      const { id } = await tenant.hears("Hello");
      const before = { counts: await countsOf(tenant), ledger: await ledgerOf(tenant) };
      if (which === "the ledger") breakNext("insert", ledger_entries);
      if (which === "the message") breakNext("insert", messages);
      if (which === "what follows") breakNext("update", conversations);
      expect((await say(tenant, id, "Good day")).status).toBe(500);
      expect({ counts: await countsOf(tenant), ledger: await ledgerOf(tenant) }).toEqual(before);
      expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.message_count).toBe(1);
    },
  );

  test("a call whose end fails is charged when it is told again", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const { world, tenant } = await withTenant({ db });
    const voice = await createTwilio(world, tenant, "twilio_voice");
    const call = { CallSid: freshSid("CA"), From: `+${freshNumber()}`, To: voice.account_id, Direction: "inbound" };
    await voice.tell("voice", { ...call, CallStatus: "ringing" });
    const ends = () => voice.tell("status", { ...call, CallStatus: "completed", CallDuration: "30", SequenceNumber: "3" });
    breakNext("update", messages);
    await expect(ends()).rejects.toThrow("503");
    expect(await ledgerOf(tenant)).toHaveLength(1);
    await ends();
    expect((await ledgerOf(tenant)).at(-1)).toMatchObject({ metric: "voice_minutes", quantity: 1 });
  });
});

test("a message costs no statement more than it did without a ledger", async () => {
  const { db, statements } = await openWatchedDatabase();
  const { tenant } = await withTenant({ db });
  const { id } = await tenant.hears("Hello");
  statements.length = 0;
  await say(tenant, id, "Good day");
  const touching = statements.filter((text) => text.includes("ledger_entries"));
  expect(touching).toHaveLength(1);
  expect(touching[0]).toContain('insert into "messages"');
});
