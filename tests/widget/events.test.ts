import { and, eq, sql } from "drizzle-orm";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { conversations } from "../../src/conversations/tables.ts";
import type { Id } from "../../src/core/ids.ts";
import { seconds } from "../../src/core/time.ts";
import { createAnnouncer } from "../../src/db/announce.ts";
import { atomically } from "../../src/db/atomically.ts";
import { connectPostgres } from "../../src/db/connect.ts";
import { mine } from "../../src/db/mine.ts";
import { storeMessage } from "../../src/messages/store-message.ts";
import { findWidget } from "../../src/widget/find-widget.ts";
import { followMessages, startOf } from "../../src/widget/follow-messages.ts";
import { Streams } from "../../src/widget/streams.ts";
import { readToken } from "../../src/widget/visitor-token.ts";
import { cloneDatabase, onPostgres } from "../support/database.ts";
import { listenTo } from "../support/event-streams.ts";
import { answerTo, conversationOn, createWidget, shop, userOf } from "../support/visitors.ts";
import { listen } from "../support/wire.ts";
import { createWorld, type World } from "../support/world.ts";

async function aConversation(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld(options);
  return { world, ...(await onWorld(world)) };
}

async function onWorld(world: World) {
  const { url, close } = await listen(world);
  const tenant = await world.tenant();
  const widget = await createWidget(world, tenant);
  const page = await widget.visit();
  await page.says("Hello?");
  const { id } = await conversationOn(tenant, widget.channel_id);
  return { url, close, tenant, widget, page, conversation_id: id, answer: (text: string) => answerTo(tenant, id, text) };
}

const soon = { timeout: 10_000, interval: 10 };

describe("a stream", () => {
  test("tells what comes from now on, as it is committed, with its headers", async () => {
    const { url, page, answer } = await aConversation();
    const ear = await listenTo(url, page.token);
    expect(ear.response.status).toBe(200);
    expect(ear.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(ear.response.headers.get("cache-control")).toBe("no-store");
    expect(ear.response.headers.get("access-control-allow-origin")).toBe(shop);
    await vi.waitFor(() => expect(ear.heard.text).toBe(": welcome\n\n"), soon);
    const id = await answer("Good morning!");
    await page.says("Oh, hello");
    await vi.waitFor(() => expect(ear.texts()).toEqual(["Good morning!", "Oh, hello"]), soon);
    expect(ear.told[0]!.message).toMatchObject({ id, from: "team" });
  });

  test("makes what it told delivered, whether the dispatcher was there or not", async () => {
    const { world, url, page, tenant, answer } = await aConversation();
    const ear = await listenTo(url, page.token);
    const id = await answer("Good morning!");
    await vi.waitFor(async () => expect((await tenant.get(`/v1/messages/${id}`)).body).toMatchObject({ status: "delivered" }), soon);
    await vi.waitFor(() => expect(ear.texts()).toEqual(["Good morning!"]), soon);
    await world.sendQueued();
    expect((await tenant.get(`/v1/messages/${id}`)).body).toMatchObject({ status: "delivered", error: null });
  });

  test("that dropped is resumed behind what it told last: nothing is lost, and nothing comes twice", async () => {
    const { url, page, answer } = await aConversation();
    const all: string[] = [];
    let last_event_id = page.session.feed_cursor;
    const sent = ["Hello?"];
    for (let n = 0; n < 4; n++) {
      const ear = await listenTo(url, page.token, { last_event_id });
      for (const when of ["while it listens", "at once after"]) {
        await answer(`${n} ${when}`);
        sent.push(`${n} ${when}`);
      }
      await vi.waitFor(() => expect(ear.told.length).toBeGreaterThan(n % 2), soon);
      ear.hangUp();
      await ear.over;
      all.push(...ear.texts());
      last_event_id = ear.heard.last_event_id;
      await answer(`${n} while nobody listens`);
      sent.push(`${n} while nobody listens`);
    }
    const ear = await listenTo(url, page.token, { last_event_id });
    await vi.waitFor(() => expect([...all, ...ear.texts()]).toEqual(sent), soon);
  });

  test("tells more than it reads at once", async () => {
    const { url, page } = await aConversation();
    const said = Array.from({ length: 60 }, (_, n) => `No ${n}`);
    for (const text of said) await page.says(text);
    const ear = await listenTo(url, page.token, { last_event_id: page.session.feed_cursor });
    await vi.waitFor(() => expect(ear.texts()).toEqual(["Hello?", ...said]), soon);
  });

  test("is one visitor's: no other is told, and no other's position is taken", async () => {
    const { url, widget, page, answer } = await aConversation();
    const other = await widget.visit({ user: userOf("42") });
    await other.says("Me too");
    const [theirs, ours] = [await listenTo(url, other.token), await listenTo(url, page.token)];
    await answer("For one alone");
    await vi.waitFor(() => expect(ours.texts()).toEqual(["For one alone"]), soon);
    expect(theirs.texts()).toEqual([]);
    const refused = await listenTo(url, other.token, { last_event_id: page.session.feed_cursor });
    expect([refused.response.status, await refused.response.json()]).toMatchObject([400, { code: "invalid_cursor" }]);
  });

  test("of somebody who has not written yet begins with what they write", async () => {
    const { url, widget } = await aConversation();
    const page = await widget.visit();
    const ear = await listenTo(url, page.token, { last_event_id: page.session.feed_cursor });
    await vi.waitFor(() => expect(ear.heard.text).toContain("welcome"), soon);
    ear.hangUp();
    await page.says("First");
    const again = await listenTo(url, page.token, { last_event_id: ear.heard.last_event_id });
    await vi.waitFor(() => expect(again.texts()).toEqual(["First"]), soon);
  });

  test("shows that it lives, and up to where all was told", async () => {
    const { world, page, widget } = await aConversation();
    const found = await findWidget(world.services, widget.channel_id);
    const visitor = readToken(found, page.token);
    const stream = new Streams().open({ visitor: "somebody", address: "somewhere", workspace: "somebody's" });
    vi.spyOn(stream, "heard").mockResolvedValue();
    const news = followMessages(found, visitor, await startOf(found, visitor, page.session.feed_cursor), stream, async () => true);
    expect((await news.next()).value).toMatchObject({ message: { content: { text: "Hello?" } } });
    const alive = (await news.next()).value as { cursor: string; message: null };
    expect(alive.message).toBeNull();
    expect((await page.history(`?after=${alive.cursor}`)).body.data, "nothing is behind it").toEqual([]);
    stream.close();
    expect(await news.next()).toEqual({ done: true, value: undefined });
  });
});

describe("streams are bounded", () => {
  test("for each visitor, who is told to poll", async () => {
    const { url, world, page } = await aConversation();
    const ears = await Promise.all([1, 2, 3, 4].map(() => listenTo(url, page.token)));
    const fifth = await listenTo(url, page.token);
    expect([fifth.response.status, await fifth.response.json()]).toMatchObject([429, { code: "too_many_requests" }]);
    expect(fifth.response.headers.get("retry-after")).toBe("60");
    ears[0]!.hangUp();
    await vi.waitFor(() => expect(world.streams.count).toBe(3), soon);
    expect((await listenTo(url, page.token)).response.status).toBe(200);
  });

  test.each([
    ["address", 2, 50],
    ["workspace", 50, 2],
  ] as const)("for each %s, which takes nothing of another's", async (owner, address, workspace) => {
    const bounds = { streams: { most_of: { visitor: 4, address, workspace } }, trusted_proxies: ["127.0.0.1"] };
    const { url, world, widget, page } = await aConversation(bounds);
    const other = await (await createWidget(world, await world.tenant())).visit();
    const listenFrom = (token: string, from: string) => listenTo(url, token, { headers: { "X-Forwarded-For": from } });
    for (const { token } of [page, await widget.visit()]) {
      expect((await listenFrom(token, "2001:db8::1")).response.status).toBe(200);
    }
    const refused = await listenFrom((await widget.visit()).token, owner === "address" ? "2001:db8::2" : "192.0.2.7");
    const detail = `The ${owner} has 2 streams open already: ask for what came with GET /widget/v1/messages?after=…`;
    expect([refused.response.status, await refused.response.json()]).toMatchObject([429, { code: "too_many_requests", detail }]);
    expect(refused.response.headers.get("retry-after")).toBe("60");
    expect((await listenFrom(other.token, "192.0.2.7")).response.status).toBe(200);
    expect(world.streams.count).toBe(3);
  });

  test.each([
    ["its origin is removed", { credentials: { allowed_origins: ["https://another.example"] } }],
    ["the visitor's voucher is", { credentials: { identity_secret: "another secret of a website, of 32 characters" } }],
    ["the channel is removed", undefined],
  ])("in time: one ends soon after %s, and tells nothing more", async (_, change) => {
    const { url, world, tenant, widget } = await aConversation();
    const page = await widget.visit({ user: userOf("42") });
    await page.says("Hello?");
    const { id } = await conversationOn(tenant, widget.channel_id);
    const ear = await listenTo(url, page.token);
    await vi.waitFor(() => expect(ear.heard.text).toContain("welcome"), soon);
    world.advance(seconds(20));
    await answerTo(tenant, id, "While it may");
    await vi.waitFor(() => expect(ear.texts()).toEqual(["While it may"]), soon);
    const path = `/v1/channels/${widget.channel_id}`;
    expect((await (change ? tenant.patch(path, change) : tenant.delete(path))).status).toBe(200);
    world.advance(seconds(20));
    await page.says("Is anybody there?").catch(() => {});
    world.streams.wake(`visitor:${(await conversationOn(tenant, widget.channel_id)).contact_id as Id<"cont">}`);
    await ear.over;
    expect(ear.heard.is_over, "ended, and not broken off").toBe(true);
    expect(ear.texts()).toEqual(["While it may"]);
    expect(world.streams.count).toBe(0);
  });

  test("in all", async () => {
    const { url, widget, page } = await aConversation({ streams: { most: 1 } });
    expect((await listenTo(url, page.token)).response.status).toBe(200);
    const refused = await listenTo(url, (await widget.visit()).token);
    expect([refused.response.status, await refused.response.json()]).toMatchObject([503, { code: "service_unavailable" }]);
  });

  test("in time: one that is old ends, and the page asks again and is judged again", async () => {
    const { url, page, world } = await aConversation({ streams: { longest_ms: 50 } });
    const ear = await listenTo(url, page.token);
    await ear.over;
    expect(ear.heard.is_over, "ended, and not broken off").toBe(true);
    expect(world.streams.count).toBe(0);
  });

  test("by whoever hangs up, at once", async () => {
    const { url, page, world } = await aConversation();
    const ear = await listenTo(url, page.token);
    await vi.waitFor(() => expect(ear.heard.text).toContain("welcome"), soon);
    expect(world.streams.count).toBe(1);
    ear.hangUp();
    await vi.waitFor(() => expect(world.streams.count).toBe(0), soon);
  });

  test("by whoever hangs up, which is nobody's error", async () => {
    const { page, world } = await aConversation();
    const headers = { Origin: shop, Authorization: `Bearer ${page.token}` };
    const { body } = await world.app.request("/widget/v1/events", { headers });
    const reader = body!.getReader();
    await reader.read();
    const next = reader.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await reader.cancel();
    expect(await next).toEqual({ done: true, value: undefined });
    // What it looked for when it was hung up on has been found by then.
    for (let asked = 0; asked < 4; asked++) await page.history();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([world.streams.count, world.logged]).toEqual([0, []]);
  });

  test("HEAD opens none", async () => {
    const { world, page } = await aConversation();
    const { status, headers } = await world.app.request("/widget/v1/events", {
      method: "HEAD",
      headers: { Origin: shop, Authorization: `Bearer ${page.token}` },
    });
    expect([status, headers.get("allow"), world.streams.count]).toEqual([405, "GET, OPTIONS", 0]);
  });
});

test("when the process is to end, every stream ends well, and no other begins", async () => {
  const { url, close, page, world } = await aConversation();
  const ears = [await listenTo(url, page.token), await listenTo(url, page.token)];
  await vi.waitFor(() => expect(ears.every(({ heard }) => heard.text !== "")).toBe(true), soon);
  const began = performance.now();
  world.streams.stop();
  await close(seconds(20));
  await Promise.all(ears.map(({ over }) => over));
  expect(performance.now() - began, "nothing was waited for").toBeLessThan(5_000);
  expect(ears.map(({ heard }) => heard.is_over)).toEqual([true, true]);
  expect(() => world.streams.open({ visitor: "one", address: "one", workspace: "one" })).toThrow("cannot take the request");
});

describe.runIf(onPostgres())("on a server", () => {
  test("two commits in another order than they began are both told, each once", async () => {
    const { url, tenant, widget, page, answer } = await aConversation();
    const ear = await listenTo(url, page.token, { last_event_id: page.session.feed_cursor });
    await vi.waitFor(() => expect(ear.texts()).toEqual(["Hello?"]), soon);

    const [begun, told] = [withResolvers(), withResolvers()];
    const late = atomically(tenant.ctx, async (tx) => {
      await tx.db.execute(sql`select pg_current_xact_id()`);
      begun.resolve();
      await told.promise;
      const [conversation] = await tx.db
        .select()
        .from(conversations)
        .where(and(mine(tx, conversations), eq(conversations.channel_id, widget.channel_id)));
      const sender = { type: "team_member", id: null, name: "Lina" } as const;
      const content = { type: "text", text: "Begun first" } as const;
      await storeMessage(tx, conversation!, null, { direction: "outbound", sender, content, status: "sent" });
    });
    await begun.promise;
    await answer("Committed first");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ear.texts(), "an older transaction may still come").toEqual(["Hello?"]);
    told.resolve();
    await late;
    await vi.waitFor(() => expect(ear.texts()).toEqual(["Hello?", "Begun first", "Committed first"]), soon);
  });

  test("a stream of one process tells at once what another committed", async () => {
    const template = inject("template");
    if (template.kind !== "postgres") throw new Error("this needs a server");
    const database_url = await cloneDatabase(template);
    const [one, other] = [connectPostgres(database_url), connectPostgres(database_url)];
    onTestFinished(async () => void (await Promise.all([one.close(), other.close()])));
    const [here, there] = [await createWorld({ db: one.db }), await createWorld({ db: other.db })];
    const faults: unknown[] = [];
    await createAnnouncer(one.bus!, (error) => faults.push(error)).hear((whom) => here.streams.wake(whom));
    there.services.wake = createAnnouncer(other.bus!, (error) => faults.push(error)).announce;

    const { url, page, tenant, conversation_id } = await onWorld(here);
    const ear = await listenTo(url, page.token);
    await vi.waitFor(() => expect(ear.heard.text).toContain("welcome"), soon);
    const content = { type: "text", text: "From elsewhere" };
    await there.request(`/v1/conversations/${conversation_id}/messages`, { method: "POST", key: tenant.api_key, body: { content } });
    await vi.waitFor(() => expect(ear.texts()).toEqual(["From elsewhere"]), { timeout: 5_000, interval: 10 });
    expect(faults).toEqual([]);
  });
});

/** As Node 22 has it. */
function withResolvers() {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
