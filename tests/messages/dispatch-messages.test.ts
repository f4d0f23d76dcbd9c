import { eq } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { channels } from "../../src/channels/tables.ts";
import type { Message } from "../../src/messages/contract.ts";
import { dispatchMessages } from "../../src/messages/dispatch-messages.ts";
import { messages } from "../../src/messages/tables.ts";
import type { Network } from "../../src/core/context.ts";
import { after, hours, minutes, msBetween, seconds, type Timestamp } from "../../src/core/time.ts";
import { breakable } from "../support/breakable-db.ts";
import { createWhatsApp, credentials, freshNumber, type WhatsApp } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { accepting, answering, breaking, createGraphTwin, refusing } from "../support/graph-twin.ts";
import { seedHistory } from "../support/history.ts";
import { modes, nodesOf, planOf } from "../support/plans.ts";
import { eventsOf, rowsOf } from "../support/rows.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

/** A WhatsApp channel whose provider is a twin on this machine. */
async function withTwin({ network, db }: { network?: Partial<Network>; db?: World["services"]["db"] } = {}) {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url }, ...(network && { network }), ...(db && { db }) });
  const tenant = await world.tenant();
  return { twin, world, tenant, whatsapp: await createWhatsApp(world, tenant, twin.account_id) };
}

async function onSandbox(from: string) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id } = await tenant.hears("Hello", { from });
  return { world, tenant, message: await queue(tenant, id) };
}

const queue = async (tenant: Tenant, conversation_id: string, content: object = { type: "text", text: "On its way." }) =>
  (await tenant.post<Message>(`/v1/conversations/${conversation_id}/messages`, { content })).body;
const read = async (tenant: Tenant, { id }: { id: string }) => (await tenant.get<Message>(`/v1/messages/${id}`)).body;
const stored = async (tenant: Tenant, { id }: { id: string }) => (await rowsOf(tenant, messages)).find((row) => row.id === id)!;
/** The clock is put to a moment, whatever it says now. */
const goTo = (world: World, at: Timestamp, ms = 0) => world.advance(msBetween(world.now(), at) + ms);
const statusOf = async (tenant: Tenant, channel_id: string) => (await rowsOf(tenant, channels)).find(({ id }) => id === channel_id)!.status;
/** A message to a person who has just written. */
const queued = async (tenant: Tenant, whatsapp: WhatsApp, wa_id = freshNumber()) =>
  queue(tenant, (await whatsapp.hears("Where is my order?", { wa_id })).id);

describe("a sender that is to stop", () => {
  test("ends the send it has begun, and leaves the conversation's other messages where they are", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const { id } = await whatsapp.hears("Hello");
    const written: Message[] = [];
    for (const text of ["one", "two", "three"]) written.push(await queue(tenant, id, { type: "text", text }));
    const stopping = new AbortController();
    twin.answer = (response) => {
      stopping.abort();
      accepting("wamid.the.first")(response);
    };
    await dispatchMessages(world.services, { budget_ms: seconds(25), signal: stopping.signal });

    const [first, ...others] = await Promise.all(written.map((message) => stored(tenant, message)));
    expect(first).toMatchObject({ status: "sent", external_id: "wamid.the.first" });
    for (const message of others) expect(message).toMatchObject({ status: "queued", lease_id: null, lease_until: null, attempts: 0 });
    expect(twin.asked).toHaveLength(1);
  });
});

describe("what is queued is sent", () => {
  test("on the sandbox, where it arrives at once", async () => {
    const { world, tenant, message } = await onSandbox(`+${freshNumber()}`);
    const before = world.now();
    expect(await world.sendQueued()).toMatchObject({ retried: 0 });
    const sent = await read(tenant, message);
    expect(sent).toMatchObject({ status: "delivered", error: null, external_id: expect.stringMatching(/^sandbox_/) as unknown });
    expect(sent.sent_at! >= before && sent.sent_at! <= world.now()).toBe(true);
    expect(sent.delivered_at).toBe(sent.sent_at);
    // The queued message was announced; what becomes of it is read, not told again.
    expect((await eventsOf(tenant)).map(({ type }) => type)).toEqual(["new_message", "new_message"]);
  });

  test("by WhatsApp's own request, once", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const wa_id = freshNumber();
    const message = await queued(tenant, whatsapp, wa_id);
    twin.answer = accepting("wamid.ours");
    await world.sendQueued();
    await world.sendQueued();

    expect(twin.asked).toHaveLength(1);
    expect(twin.asked[0]).toMatchObject({
      path: `/v23.0/${twin.account_id}/messages`,
      headers: { authorization: `Bearer ${credentials.access_token}`, "content-type": "application/json", "user-agent": "Wassla/1.0.0" },
    });
    expect(twin.asked[0]!.body).toEqual({
      messaging_product: "whatsapp",
      recipient_type: "individual",
      to: wa_id,
      biz_opaque_callback_data: message.id,
      type: "text",
      text: { body: "On its way.", preview_url: false },
    });
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.ours", error: null, delivered_at: null });
  });

  test("with a file and its words", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const { id } = await whatsapp.hears("Hello");
    await queue(tenant, id, { type: "media", media_type: "document", url: "https://files.example/invoice.pdf", caption: "Yours" });
    await world.sendQueued();
    expect(twin.asked[0]!.body).toMatchObject({
      type: "document",
      document: { link: "https://files.example/invoice.pdf", caption: "Yours", filename: "invoice.pdf" },
    });
  });

  test("to a person who shows no number, by their WhatsApp id", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const user_id = `DE.${freshNumber()}`;
    await queue(tenant, (await whatsapp.hears("Hello", { user_id })).id);
    await world.sendQueued();
    expect(twin.asked[0]!.body).toMatchObject({ recipient: user_id });
    expect(twin.asked[0]!.body).not.toHaveProperty("to");
  });

  test("in the order in which it was written, within a conversation", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const { id } = await whatsapp.hears("Hello");
    for (let n = 0; n < 20; n++) await queue(tenant, id, { type: "text", text: `No ${n}` });
    // The first would arrive last, if the next did not wait for it.
    twin.answer = (response) => {
      const answer = accepting(`wamid.${twin.asked.length}`);
      setTimeout(() => answer(response), Math.max(0, 40 - 10 * twin.asked.length));
    };
    await world.sendQueued();
    expect(twin.asked.map(({ body }) => body["text"])).toMatchObject(Array.from({ length: 20 }, (_, n) => ({ body: `No ${n}` })));
    const sent = (await rowsOf(tenant, messages)).filter(({ direction }) => direction === "outbound");
    expect(sent.every(({ status }) => status === "sent")).toBe(true);
  });

  const texts = (asked: { body: Record<string, unknown> }[]) => asked.map(({ body }) => (body["text"] as { body: string }).body);

  test("in that order too where the provider puts one off; other conversations do not wait", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const { id } = await whatsapp.hears("Hello");
    const written: Message[] = [];
    for (const text of ["one", "two", "three"]) written.push(await queue(tenant, id, { type: "text", text }));
    twin.answer = (response) => refusing(429, 131056)(response);
    await world.sendQueued();
    twin.answer = undefined;
    await queued(tenant, whatsapp);
    await world.sendQueued();
    expect(texts(twin.asked)).toEqual(["one", "On its way."]);
    for (const message of written) expect(await stored(tenant, message)).toMatchObject({ lease_id: null, external_id: null });
    expect((await Promise.all(written.map((message) => stored(tenant, message)))).map(({ attempts }) => attempts)).toEqual([1, 0, 0]);

    world.advance(seconds(6));
    await world.sendQueued();
    expect(texts(twin.asked).slice(2)).toEqual(["one", "two", "three"]);
  });

  test("behind one that can never be sent", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const { id } = await whatsapp.hears("Hello");
    for (const text of ["one", "two"]) await queue(tenant, id, { type: "text", text });
    twin.answer = (response, { body }) =>
      (body["text"] as { body: string }).body === "one" ? refusing(429, 131056)(response) : accepting("wamid.two")(response);
    for (const wait of [0, 6, 31, 121, 601]) {
      world.advance(seconds(wait));
      await world.sendQueued();
      expect(new Set(texts(twin.asked))).toEqual(new Set(["one"]));
    }
    world.advance(seconds(1801));
    await world.sendQueued();
    const ours = (await rowsOf(tenant, messages)).filter(({ direction }) => direction === "outbound");
    expect(ours.map(({ status }) => status)).toEqual(["failed", "sent"]);
    expect(texts(twin.asked).at(-1)).toBe("two");
  });

  test("behind one that a worker has taken, whoever asks, and behind one of which nobody knows", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const { id } = await whatsapp.hears("Hello");
    const first = await queue(tenant, id, { type: "text", text: "one" });
    twin.answer = async (response) => {
      await queue(tenant, id, { type: "text", text: "two" });
      expect((await world.sendQueued())["claimed"]).toBe(0);
      twin.answer = undefined;
      breaking(response);
    };
    await world.sendQueued();
    expect(await read(tenant, first)).toMatchObject({ status: "unknown" });
    expect(texts(twin.asked)).toEqual(["one", "two"]);
  });

  test.skipIf(!onPostgres())("in the order in which it was written, however many workers there are", { timeout: 30_000 }, async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const people = [await whatsapp.hears("Hello"), await whatsapp.hears("Hello"), await whatsapp.hears("Hello")];
    const written = Array.from({ length: 8 }, (_, n) => `No ${n}`);
    for (const text of written) for (const { id } of people) await queue(tenant, id, { type: "text", text });
    twin.answer = (response) => setTimeout(() => accepting(`wamid.${twin.asked.length}.${Math.random()}`)(response), Math.random() * 20);
    while ((await rowsOf(tenant, messages)).some(({ status }) => status === "queued" || status === "sending"))
      await Promise.all([1, 2, 3, 4].map(() => world.sendQueued()));
    const to_each = new Set(twin.asked.map(({ body }) => body["to"]));
    expect(to_each.size).toBe(people.length);
    for (const to of to_each) expect(texts(twin.asked.filter(({ body }) => body["to"] === to))).toEqual(written);
  });

  test.skipIf(!onPostgres())("once, however many workers there are", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const { id } = await whatsapp.hears("Hello");
    for (let n = 0; n < 12; n++) await queue(tenant, id, { type: "text", text: `No ${n}` });
    await Promise.all([world.sendQueued(), world.sendQueued(), world.sendQueued()]);
    const ours = (await rowsOf(tenant, messages)).filter(({ direction }) => direction === "outbound");
    expect(twin.asked).toHaveLength(12);
    expect(new Set(twin.asked.map(({ body }) => body["biz_opaque_callback_data"]))).toEqual(new Set(ours.map((message) => message.id)));
  });
});

describe("a refusal", () => {
  test.each([
    ["0001", "recipient_unreachable"],
    ["0004", "recipient_opted_out"],
  ])("of the sandbox's number %s is final", async (digits, code) => {
    const { world, tenant, message } = await onSandbox(`+1555000${digits}`);
    await world.sendQueued();
    const failed = await read(tenant, message);
    expect(failed).toMatchObject({ status: "failed", error: { code, provider_code: digits }, external_id: null, sent_at: null });
    expect(failed.failed_at).not.toBeNull();
    world.advance(hours(1));
    await world.sendQueued();
    expect(await read(tenant, message)).toEqual(failed);
  });

  test("of our credentials is final, and the channel says that it is broken", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const message = await queued(tenant, whatsapp);
    twin.answer = refusing(401, 190);
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "failed", error: { code: "channel_auth_failed", provider_code: "190" } });
    expect(await statusOf(tenant, whatsapp.channel_id)).toBe("error");
    expect(await statusOf(tenant, tenant.channel_id)).toBe("connected");
  });

  test("of our credentials does not connect a channel again that was disconnected meanwhile", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    await queued(tenant, whatsapp);
    twin.answer = async (response) => {
      await tenant.ctx.db.update(channels).set({ status: "disconnected" }).where(eq(channels.id, whatsapp.channel_id));
      refusing(401, 190)(response);
    };
    await world.sendQueued();
    expect(await statusOf(tenant, whatsapp.channel_id)).toBe("disconnected");
  });

  test("of another kind leaves the channel as it is", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const message = await queued(tenant, whatsapp);
    twin.answer = refusing(400, 131026);
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({
      status: "failed",
      error: { code: "recipient_unreachable", detail: "No. (fbtrace_id Atrace)", provider_code: "131026" },
    });
    expect(await statusOf(tenant, whatsapp.channel_id)).toBe("connected");
  });

  test("is ours where the channel was disconnected meanwhile: the provider is not asked", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const message = await queued(tenant, whatsapp);
    await tenant.ctx.db.update(channels).set({ status: "disconnected" }).where(eq(channels.id, whatsapp.channel_id));
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "failed", error: { code: "channel_disconnected" } });
    expect(twin.asked).toEqual([]);
  });
});

describe("a refusal for the moment", () => {
  test("is tried again after 5 s, 30 s, 2 min, 10 min and 30 min, and then fails", async () => {
    const { world, tenant, message } = await onSandbox("+15550000002");
    const tries = async () => (await stored(tenant, message)).attempts;
    await world.sendQueued();
    for (const [n, delay] of [seconds(5), seconds(30), minutes(2), minutes(10), minutes(30)].entries()) {
      expect(await read(tenant, message)).toMatchObject({
        status: "queued",
        error: { code: "provider_rate_limited", provider_code: "0002" },
        failed_at: null,
      });
      const { due_at, updated_at } = await stored(tenant, message);
      expect(msBetween(updated_at, due_at!)).toBe(delay);

      goTo(world, due_at!, -minutes(1));
      await world.sendQueued();
      expect(await tries()).toBe(n + 1);
      goTo(world, due_at!);
      await world.sendQueued();
      expect(await tries()).toBe(n + 2);
    }
    const failed = await read(tenant, message);
    expect(failed).toMatchObject({ status: "failed", error: { code: "provider_rate_limited" } });
    expect(failed.failed_at).not.toBeNull();
    world.advance(hours(2));
    await world.sendQueued();
    expect(await tries()).toBe(6);
  });

  test("waits as long as the provider asks for", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const message = await queued(tenant, whatsapp);
    twin.answer = answering(429, { error: { message: "Slowly.", code: 130429 } }, { "retry-after": "600" });
    await world.sendQueued();
    const { due_at, updated_at } = await stored(tenant, message);
    expect(msBetween(updated_at, due_at!)).toBe(minutes(10));
    twin.answer = accepting("wamid.later");
    goTo(world, due_at!);
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.later", error: null });
  });

  test("is not tried again once the window has closed", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const { id } = await whatsapp.hears("Hello", { at: after(world.now(), minutes(1) - hours(24)) });
    const message = await queue(tenant, id);
    twin.answer = refusing(500, 131016);
    await world.sendQueued();
    world.advance(minutes(2));
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "failed", error: { code: "messaging_window_closed" } });
    expect(twin.asked).toHaveLength(1);
  });

  test("is what a provider that nobody reaches amounts to", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin({
      network: {
        fetch: () => Promise.reject(new TypeError("fetch failed", { cause: Object.assign(new Error(), { syscall: "connect" }) })),
      },
    });
    const message = await queued(tenant, whatsapp);
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "queued", error: { code: "provider_unavailable" } });
    expect(twin.asked).toEqual([]);
  });

  test("is what credentials amount to that cannot be read: a key of ours is missing, nothing was sent", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const message = await queued(tenant, whatsapp);
    const sealed = (await rowsOf(tenant, channels)).find(({ id }) => id === whatsapp.channel_id)!.credentials;
    const seal = (as: string) => tenant.ctx.db.update(channels).set({ credentials: as }).where(eq(channels.id, whatsapp.channel_id));

    await seal(sealed.replace(/^v1\.\w+/, "v1.00000000"));
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "queued", error: { code: "channel_auth_failed" } });
    expect(await statusOf(tenant, whatsapp.channel_id)).toBe("connected");
    expect(world.logged).toMatchObject([{ level: "error", message: "a channel's credentials cannot be read" }]);

    await seal(sealed);
    world.advance(seconds(5));
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "sent", error: null });
    expect(twin.asked).toHaveLength(1);
  });
});

describe("a send whose outcome nobody knows is never made again", () => {
  const stays = async (world: World, tenant: Tenant, message: Message) => {
    const before = await read(tenant, message);
    for (const pause of [seconds(61), hours(1)]) {
      world.advance(pause);
      await world.sendQueued();
    }
    expect(await read(tenant, message)).toEqual(before);
  };

  test("on the sandbox's number 0003", async () => {
    const { world, tenant, message } = await onSandbox("+15550000003");
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({
      status: "unknown",
      error: { code: "provider_error" },
      external_id: null,
      failed_at: null,
    });
    await stays(world, tenant, message);
  });

  test.each<[string, (response: { destroy(): unknown; writeHead(status: number): { end(text: string): unknown } }) => unknown]>([
    ["hangs up", (response) => response.destroy()],
    ["answers with a page of a gateway's", (response) => response.writeHead(502).end("<html>Bad gateway</html>")],
    ["takes it without saying its id", (response) => response.writeHead(200).end("{}")],
  ])("where the provider %s", async (_, answer) => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const message = await queued(tenant, whatsapp);
    twin.answer = answer;
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "unknown", error: { code: "provider_error" } });
    await stays(world, tenant, message);
    expect(twin.asked).toHaveLength(1);
  });

  test("until its echo says that it was sent, and the error is forgotten", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const wa_id = freshNumber();
    const message = await queued(tenant, whatsapp, wa_id);
    twin.answer = (response) => response.destroy();
    await world.sendQueued();
    await whatsapp.echoes(wa_id, "On its way.", { id: "wamid.unheard" });
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.unheard", error: null });
  });

  test("where the provider does not answer in ten seconds", async () => {
    const { twin, world, tenant, whatsapp } = await withTwin();
    const message = await queued(tenant, whatsapp);
    twin.answer = () => undefined;
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const clock = vi.spyOn(AbortSignal, "timeout").mockImplementation(() => timeout(50));
    await world.sendQueued();
    expect(clock.mock.calls).toContainEqual([10_000]);
    clock.mockRestore();
    expect(await read(tenant, message)).toMatchObject({ status: "unknown" });
    await stays(world, tenant, message);
    expect(twin.asked).toHaveLength(1);
  });

  /** A worker that dies between the provider's answer and its own record of it. */
  const withDeath = async () => {
    const { db, breakNext } = breakable((await database()).db);
    const place = await withTwin({ db });
    await place.world.sendQueued();
    const wa_id = freshNumber();
    const message = await queued(place.tenant, place.whatsapp, wa_id);
    place.twin.answer = (response) => {
      breakNext("update", messages);
      return accepting("wamid.unheard")(response);
    };
    await place.world.sendQueued();
    return { ...place, wa_id, message };
  };

  test("where the worker died: the lease runs out, and the message is unknown", async () => {
    const { twin, world, tenant, message } = await withDeath();
    expect(await read(tenant, message)).toMatchObject({ status: "sending", external_id: null });
    expect(world.logged).toMatchObject([{ level: "error", message: "a send was not settled" }]);
    const { lease_until } = await stored(tenant, message);
    goTo(world, lease_until!, -seconds(30));
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "sending" });
    goTo(world, lease_until!, 1);
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "unknown", external_id: null, failed_at: null });
    await stays(world, tenant, message);
    expect(twin.asked).toHaveLength(1);
  });

  test.each(["sending", "unknown"])("until the provider's report settles it, while it is %s", async (state) => {
    const { twin, world, tenant, whatsapp, message } = await withDeath();
    if (state === "unknown") world.advance(seconds(61));
    await world.sendQueued();
    expect((await read(tenant, message)).status).toBe(state);
    await whatsapp.reports("wamid.unheard", "delivered", { message_id: message.id });
    expect(await read(tenant, message)).toMatchObject({ status: "delivered", external_id: "wamid.unheard", error: null });
    await stays(world, tenant, message);
    expect(twin.asked).toHaveLength(1);
  });

  test.each(["sending", "unknown"])("until its echo settles it, while it is %s", async (state) => {
    const { twin, world, tenant, whatsapp, wa_id, message } = await withDeath();
    if (state === "unknown") world.advance(seconds(61));
    await world.sendQueued();
    await whatsapp.reports("wamid.unheard", "read");
    await whatsapp.echoes(wa_id, "On its way.", { id: "wamid.unheard" });
    // The report that came before the echo is not lost.
    expect(await read(tenant, message)).toMatchObject({ status: "read", external_id: "wamid.unheard", error: null });
    expect((await rowsOf(tenant, messages)).filter(({ direction }) => direction === "outbound")).toHaveLength(1);
    await stays(world, tenant, message);
    expect(twin.asked).toHaveLength(1);
  });

  test("and one message's mishap is not the others'", async () => {
    const { twin, world, tenant, whatsapp } = await withDeath();
    twin.answer = undefined;
    const other = await queued(tenant, whatsapp);
    await world.sendQueued();
    expect(await read(tenant, other)).toMatchObject({ status: "sent" });
  });
});

// PGlite is PostgreSQL 18, whose skip scan hides bad plans.
test.skipIf(!onPostgres())(
  "what a message waits for is found by an index of what is unsent, however long the conversation",
  async () => {
    const { db, asked } = await openWatchedDatabase();
    const world = await createWorld({ db });
    await seedHistory(world.services, 20_000);
    await world.sendQueued();
    const claiming = asked.findLast(({ statement }) => statement.includes("across tenants: claim"))!;
    for (const mode of modes) {
      const scans = nodesOf(await planOf(db, mode, claiming)).filter((node) => node["Relation Name"] === "messages");
      expect(
        scans.map((node) => node["Index Name"]),
        mode,
      ).toContain("messages_unsent");
      expect(
        scans.map((node) => node["Node Type"]),
        mode,
      ).not.toContain("Seq Scan");
      expect(
        scans.map((node) => node["Index Name"]),
        mode,
      ).not.toContain("messages_workspace_id_conversation_id_id_index");
    }
  },
  60_000,
);

test("the sender is asked for its secret", async () => {
  const world = await createWorld();
  expect((await world.request("/cron/messages", { method: "POST" })).status).toBe(401);
  expect((await world.request("/cron/messages", { method: "POST", headers: { Authorization: "Bearer guess" } })).status).toBe(401);
});
