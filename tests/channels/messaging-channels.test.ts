import { describe, expect, test } from "vitest";
import { channels, provider_events } from "../../src/channels/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { after, epochMs, hours, minutes, msBetween, seconds } from "../../src/core/time.ts";
import type { Message } from "../../src/messages/contract.ts";
import { messages } from "../../src/messages/tables.ts";
import { createMessaging, createWhatsApp, entryOf, freshNumber, signed } from "../support/channels.ts";
import { onPostgres } from "../support/database.ts";
import { breaking, createGraphTwin, freshAccount, refusing, taking } from "../support/graph-twin.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

type Kind = "instagram" | "facebook_page";
const kinds: Kind[] = ["instagram", "facebook_page"];

async function withChannel(kind: Kind) {
  const twin = await createGraphTwin();
  twin.answer = taking(`m_ours_${twin.account_id}`);
  const world = await createWorld({ settings: { meta_graph_url: twin.url, instagram_graph_url: twin.url } });
  const tenant = await world.tenant();
  const channel = await createMessaging(world, tenant, kind, twin.account_id);
  const { id, contact_id } = await channel.hears("Where is my order?");
  const send = (given: object = {}, content: object = { type: "text", text: "On its way." }) =>
    tenant.post<Message>(`/v1/conversations/${id}/messages`, { content, ...given });
  return { twin, world, tenant, channel, conversation_id: id, contact_id, send, ours: `m_ours_${twin.account_id}` };
}

const read = async (tenant: Tenant, { id }: { id: string }) => (await tenant.get<Message>(`/v1/messages/${id}`)).body;
const outbound = async (tenant: Tenant) => (await rowsOf(tenant, messages)).filter(({ direction }) => direction === "outbound");
const statusesIn = async (tenant: Tenant): Promise<Record<string, string>> =>
  Object.fromEntries((await outbound(tenant)).map(({ external_id, status }) => [external_id ?? "", status]));
const heardBy = async (tenant: Tenant) =>
  (await rowsOf(tenant, messages)).map(({ content }) => (content.type === "text" ? content.text : "")).toSorted();

describe.each(kinds)("on %s", (kind) => {
  test("a message is answered, and every report on it is understood", async () => {
    const { world, tenant, channel, conversation_id, send, ours, twin } = await withChannel(kind);
    const { body: message } = await send();
    await world.sendQueued();
    expect(twin.asked).toMatchObject([
      { body: { recipient: { id: channel.person }, message: { text: "On its way.", metadata: message.id } } },
    ]);
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: ours, conversation_id });

    await channel.echoes({ text: "On its way.", metadata: message.id }, { id: ours });
    await channel.hearsOf({ read: kind === "instagram" ? { mid: ours } : { watermark: epochMs(world.now()) + 1000 } });
    expect(await read(tenant, message)).toMatchObject({ status: "read" });
    expect(await outbound(tenant)).toHaveLength(1);
  });

  test("a send whose answer is lost is unknown, never repeated, and settled by its echo, whatever that says", async () => {
    const { twin, world, tenant, channel, send } = await withChannel(kind);
    twin.answer = breaking;
    const { body: message } = await send();
    await world.sendQueued();
    world.advance(hours(1));
    await world.sendQueued();
    expect(twin.asked).toHaveLength(1);
    expect(await read(tenant, message)).toMatchObject({ status: "unknown", external_id: null });
    expect((await tenant.post(`/v1/messages/${message.id}/retry`)).body).toMatchObject({ code: "message_not_retryable" });

    await channel.echoes({ text: "On its way!", metadata: message.id }, { id: "m_late" });
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "m_late", error: null });
    expect(await outbound(tenant)).toHaveLength(1);
  });

  test("an echo that names our message is ours though it says something else, before the answer and after it", async () => {
    const { twin, world, tenant, channel, send, ours } = await withChannel(kind);
    const { body: message } = await send();
    const echo = { text: "On  its way.", metadata: message.id };
    twin.answer = async (response) => {
      await channel.echoes(echo, { id: ours });
      taking(ours)(response);
    };
    await world.sendQueued();
    await channel.echoes(echo, { id: ours, at: after(world.now(), seconds(1)) });
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: ours });
    expect(await outbound(tenant)).toHaveLength(1);
    expect(world.logged).toEqual([]);
  });

  test("an echo that names another workspace's message is a message of its own", async () => {
    const { world, tenant, channel } = await withChannel(kind);
    const neighbour = await withChannel(kind);
    const { body: theirs } = await neighbour.send();
    await channel.echoes({ text: "Hello", metadata: theirs.id }, { id: "m_1" });
    expect(await outbound(tenant)).toMatchObject([{ sender: { type: "team_member" }, external_id: "m_1" }]);
    expect(await read(neighbour.tenant, theirs)).toMatchObject({ status: "queued", external_id: null });
    expect(world.logged).toEqual([]);
  });

  test("a token that is no longer taken makes the channel say so", async () => {
    const { twin, world, tenant, channel, send } = await withChannel(kind);
    twin.answer = refusing(401, 190);
    const { body: message } = await send();
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "failed", error: { code: "channel_auth_failed", provider_code: "190" } });
    expect((await rowsOf(tenant, channels)).find(({ id }) => id === channel.channel_id)).toMatchObject({ status: "error" });
  });

  test("what the channel does not take is refused at once, and leaves nothing behind", async () => {
    const { tenant, send } = await withChannel(kind);
    const before = await countsOf(tenant);
    const url = "https://files.example/a";
    const [unit, fits] = kind === "instagram" ? ["é", 500] : ["😀", 2000];
    const cases: [object, number, string][] = [
      [{ type: "text", text: `${unit.repeat(fits)}.` }, 400, "validation_failed"],
      [{ type: "media", media_type: "image", url, caption: "Look" }, 400, "validation_failed"],
      [{ type: "media", media_type: "sticker", url }, 400, "validation_failed"],
      ...(kind === "instagram"
        ? [[{ type: "media", media_type: "document", url }, 422, "content_type_unsupported"] as [object, number, string]]
        : []),
    ];
    for (const [content, status, code] of cases) {
      const answer = await send({}, content);
      expect([answer.status, (answer.body as { code?: string }).code]).toEqual([status, code]);
    }
    expect(await countsOf(tenant)).toEqual(before);
    expect((await send({}, { type: "text", text: unit.repeat(fits) })).status).toBe(201);
  });

  test("a callback with a wrong signature, and one that is no JSON, do no harm", async () => {
    const { tenant, channel } = await withChannel(kind);
    const before = await countsOf(tenant);
    const body = channel.wrapped(entryOf(channel.account_id, { sender: { id: "1" }, message: { mid: "m_1", text: "Hi" } }));
    expect((await channel.post(body, signed(body, "another secret"))).status).toBe(401);
    expect((await channel.post(body, {})).status).toBe(401);
    expect(await countsOf(tenant)).toEqual(before);
    expect((await channel.post("{", signed("{"))).status).toBe(200);
    expect(await countsOf(tenant)).toEqual({ ...before, provider_events: before.provider_events + 1 });
  });
});

describe("one URL of an app serves several pages", () => {
  test("each entry goes to the channel of its own; an unknown page is recorded", async () => {
    const { world, tenant, channel: berlin } = await withChannel("facebook_page");
    const paris = await createMessaging(world, tenant, "facebook_page");
    const unknown = freshAccount();
    const said = (account_id: string, text: string) =>
      entryOf(account_id, {
        sender: { id: "9001" },
        recipient: { id: account_id },
        timestamp: epochMs(world.now()),
        message: { mid: `m_${text}`, text },
      });
    await berlin.tell(said(berlin.account_id, "Hallo"), said(unknown, "Anybody?"), said(paris.account_id, "Bonjour"));
    const { body } = await tenant.get<{ data: Conversation[] }>("/v1/conversations");
    expect(body.data.map(({ channel_id, last_message_preview }) => [channel_id, last_message_preview])).toEqual([
      [paris.channel_id, "Bonjour"],
      [berlin.channel_id, "Hallo"],
      [berlin.channel_id, "Where is my order?"],
    ]);
    expect(await rowsOf(tenant, provider_events)).toContainEqual(
      expect.objectContaining({ channel_id: berlin.channel_id, outcome: "ignored", detail: `no channel for account ${unknown}` }),
    );
  });

  test("a page of another app is out of reach: its events are signed with another secret", async () => {
    const { world, tenant, channel } = await withChannel("facebook_page");
    const other = await createMessaging(world, tenant, "facebook_page", freshAccount(), { app_secret: "the other app's secret" });
    const entry = entryOf(other.account_id, { sender: { id: "9002" }, message: { mid: "m_forged", text: "Forged" } });
    await channel.tell(entry);
    expect(await heardBy(tenant)).toEqual(["Where is my order?"]);
    await other.tell(entry);
    expect(await heardBy(tenant)).toEqual(["Forged", "Where is my order?"]);
  });
});

test("a report of many messages is kept once, and not once for each of them", async () => {
  const { tenant, channel, world } = await withChannel("facebook_page");
  const before = new Set((await rowsOf(tenant, provider_events)).map(({ dedupe_key }) => dedupe_key));
  const mids = Array.from({ length: 300 }, (_, n) => `m_many_${n}`);
  await channel.hearsOf({ delivery: { mids, watermark: epochMs(world.now()) } });
  const told = (await rowsOf(tenant, provider_events)).filter(({ dedupe_key }) => !before.has(dedupe_key));
  expect(told).toHaveLength(301);
  const once = JSON.stringify(mids).length;
  expect(told.reduce((sum, { raw }) => sum + raw!.length, 0)).toBeLessThan(20 * once);
});

test("a message of many files keeps each of them once", async () => {
  const { tenant, channel } = await withChannel("facebook_page");
  const attachments = Array.from({ length: 40 }, (_, n) => ({
    type: "image",
    payload: { url: `https://cdn.example/${n}/${"x".repeat(100)}` },
  }));
  await channel.hears("", { id: "m_text" });
  await channel.hearsOf({ message: { mid: "m_files", attachments } });
  const told = (await rowsOf(tenant, provider_events)).filter(({ external_id }) => external_id?.startsWith("m_files"));
  expect(told).toHaveLength(40);
  expect(told.reduce((sum, { raw }) => sum + raw!.length, 0)).toBeLessThan(3 * JSON.stringify(attachments).length);
});

describe("Messenger's watermark", () => {
  test("covers what was sent up to it and nothing later, and is never moved back", async () => {
    const { world, tenant, channel } = await withChannel("facebook_page");
    const start = world.now();
    const at = (n: number) => after(start, seconds(n) - minutes(10));
    for (const n of [1, 2, 3]) await channel.echoes({ text: `${n}` }, { id: `m_${n}`, at: at(n * 10) });

    await channel.hearsOf({ delivery: { mids: ["m_3"], watermark: epochMs(at(20)) } });
    expect(await statusesIn(tenant)).toEqual({ m_1: "delivered", m_2: "delivered", m_3: "delivered" });
    await channel.hearsOf({ read: { watermark: epochMs(at(20)) } });
    await channel.hearsOf({ read: { watermark: epochMs(at(10)) } });
    expect(await statusesIn(tenant)).toEqual({ m_1: "read", m_2: "read", m_3: "delivered" });
  });

  test("is of one person on one page", async () => {
    const { world, tenant, channel } = await withChannel("facebook_page");
    await channel.echoes({ text: "To one" }, { id: "m_1" });
    await channel.echoes({ text: "To another" }, { id: "m_2", person: "9003" });
    await channel.hearsOf({ read: { watermark: epochMs(world.now()) + 1 } });
    expect(await statusesIn(tenant)).toEqual({ m_1: "read", m_2: "sent" });
  });

  test("that comes before the message, or before anybody is known, covers it all the same", async () => {
    const { world, tenant, channel, send, twin, ours } = await withChannel("facebook_page");
    const until = epochMs(world.now()) + 60_000;
    await channel.hearsOf({ read: { watermark: until } }, { person: "9004", at: after(world.now(), minutes(1)) });
    await channel.echoes({ text: "Hello" }, { id: "m_1", person: "9004" });
    expect(await outbound(tenant)).toMatchObject([{ external_id: "m_1", status: "read" }]);

    const { body: message } = await send();
    twin.answer = async (response) => {
      await channel.hearsOf({ read: { watermark: until } });
      taking(ours)(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "read", external_id: ours });
  });

  test("covers our own message once its echo tells the provider's time of it", async () => {
    const { world, tenant, channel, send, ours } = await withChannel("facebook_page");
    const at = after(world.now(), -seconds(5));
    const { body: message } = await send();
    await world.sendQueued();
    await channel.hearsOf({ read: { watermark: epochMs(at) } });
    expect((await read(tenant, message)).status).toBe("sent");
    await channel.echoes({ text: "On its way.", metadata: message.id }, { id: ours, at });
    expect(await read(tenant, message)).toMatchObject({ status: "read", sent_at: at });
  });

  test.skipIf(!onPostgres())("and echoes, answers and other watermarks that come at one moment leave everything read", async () => {
    const { twin, world, tenant, channel, send } = await withChannel("facebook_page");
    twin.answer = (response) => taking(`m_ours_${twin.asked.length}_${twin.account_id}`)(response);
    const until = epochMs(world.now()) + 60_000;
    const said = await Promise.all(Array.from({ length: 6 }, () => send()));
    const told = Array.from({ length: 12 }, (_, n) => [
      channel.echoes({ text: `${n}` }, { id: `m_${n}` }),
      channel.hearsOf({ read: { watermark: until + n } }),
    ]);
    await Promise.all([world.sendQueued(), ...told.flat()]);
    for (const { body } of said) expect((await read(tenant, body)).status).toBe("read");
    expect(new Set(Object.values(await statusesIn(tenant)))).toEqual(new Set(["read"]));
    expect(await outbound(tenant)).toHaveLength(18);
    expect(world.logged).toEqual([]);
  });

  test("is forgotten with the person", async () => {
    const { world, tenant, channel, contact_id } = await withChannel("facebook_page");
    await channel.hearsOf({ read: { watermark: epochMs(world.now()) + 60_000 } }, { at: world.now() });
    await tenant.delete(`/v1/contacts/${contact_id}`);
    await channel.echoes({ text: "Hello" }, { id: "m_1" });
    expect(await outbound(tenant)).toMatchObject([{ external_id: "m_1", status: "sent" }]);
  });
});

describe.each(kinds)("a person may answer for 7 days on %s", (kind) => {
  const windowOf = async (tenant: Tenant, id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.messaging_window;

  test("with human_agent, and with Meta's tag for it", async () => {
    const { twin, world, tenant, conversation_id, send } = await withChannel(kind);
    const { expires_at } = await windowOf(tenant, conversation_id);
    await send({ human_agent: true });
    await world.sendQueued();
    expect(twin.asked[0]!.body["tag"]).toBeUndefined();

    world.advance(msBetween(world.now(), expires_at!));
    expect(await windowOf(tenant, conversation_id)).toEqual({
      state: "human_agent_only",
      expires_at: after(expires_at!, hours(6 * 24)),
      allowed_types: ["text", "media"],
    });
    expect((await send()).body).toMatchObject({ code: "messaging_window_closed" });
    expect((await send({ human_agent: false })).status).toBe(422);
    const { status, body: message } = await send({ human_agent: true });
    expect(status).toBe(201);
    await world.sendQueued();
    expect(twin.asked[1]!.body).toMatchObject({ messaging_type: "MESSAGE_TAG", tag: "HUMAN_AGENT" });
    expect((await read(tenant, message)).status).toBe("sent");

    world.advance(msBetween(world.now(), after(expires_at!, hours(6 * 24))));
    expect((await windowOf(tenant, conversation_id)).state).toBe("closed");
    expect((await send({ human_agent: true })).body).toMatchObject({ code: "messaging_window_closed" });
  });

  test("and it is judged again when the message's turn comes", async () => {
    const { twin, world, tenant, send } = await withChannel(kind);
    world.advance(hours(24) - minutes(5));
    const [{ body: plain }, { body: tagged }] = [await send(), await send({ human_agent: true })];
    world.advance(minutes(5));
    await world.sendQueued();
    expect(await read(tenant, plain)).toMatchObject({ status: "failed", error: { code: "messaging_window_closed" } });
    expect((await read(tenant, tagged)).status).toBe("sent");
    expect(twin.asked).toMatchObject([{ body: { tag: "HUMAN_AGENT" } }]);

    world.advance(hours(6 * 24) - minutes(10));
    const { body: late } = await send({ human_agent: true });
    world.advance(minutes(10));
    await world.sendQueued();
    expect(await read(tenant, late)).toMatchObject({ status: "failed", error: { code: "messaging_window_closed" } });
  });
});

test("human_agent opens nothing on WhatsApp", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant);
  const { id } = await whatsapp.hears("Hello", { wa_id: freshNumber() });
  world.advance(hours(25));
  const answer = await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Hi" }, human_agent: true });
  expect(answer.body).toMatchObject({ code: "messaging_window_closed" });
});
