import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { sealCredentials } from "../../src/channels/credentials.ts";
import { channels } from "../../src/channels/tables.ts";
import { hours } from "../../src/core/time.ts";
import { createVault } from "../../src/core/vault.ts";
import { createSandbox } from "../support/channels.ts";
import { answerTo, conversationOn, createWidget, identity_secret, shop, userOf } from "../support/visitors.ts";
import { freshAddress } from "../support/windows.ts";
import { createWorld, master_key, type World } from "../support/world.ts";

async function aWidget(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  return { world, tenant, widget: await createWidget(world, tenant) };
}

const contactsOf = async ({ tenant }: Pick<Awaited<ReturnType<typeof aWidget>>, "tenant">) =>
  (
    await tenant.get<{ data: { id: string; name: string | null; metadata: object; identities: { kind: string; value: string }[] }[] }>(
      "/v1/contacts",
    )
  ).body.data;

describe("a session", () => {
  test("of somebody new is a token and nothing else: whoever only looks leaves no trace", async () => {
    const { widget, tenant } = await aWidget();
    const { status, headers, body } = await widget.start();
    expect(status).toBe(201);
    expect(body).toEqual({
      object: "session",
      token: body.token,
      expires_at: body.expires_at,
      visitor: { is_verified: false, name: null },
      conversation: null,
      messages: { object: "list", data: [], has_more: false, next_cursor: null },
      feed_cursor: body.feed_cursor,
    });
    expect(body.token).toMatch(/^wvt_[\w-]+\.[\w-]{22}$/);
    expect(headers.get("set-cookie")).toBeNull();
    expect(headers.get("cache-control")).toBe("no-store");
    expect(await contactsOf({ tenant })).toEqual([]);
  });

  test("of somebody known goes on where they were, with the newest messages first", async () => {
    const { widget, tenant } = await aWidget();
    const page = await widget.visit();
    await page.says("Is anybody there?");
    const { id } = await conversationOn(tenant, widget.channel_id);
    await answerTo(tenant, id, "Yes!");
    const again = await widget.visit({ visitor_token: page.token });
    expect(again.session.conversation).toMatchObject({ id, status: "open" });
    expect(again.session.messages.data.map(({ content }) => content)).toEqual([
      { type: "text", text: "Yes!" },
      { type: "text", text: "Is anybody there?" },
    ]);
    await tenant.post(`/v1/conversations/${id}/close`);
    const later = await widget.visit({ visitor_token: again.token });
    expect(later.session.conversation, "what was said stays to be read").toBeNull();
    expect(later.session.messages.data).toHaveLength(2);
  });

  test("gives a new token, so that it ends 180 days after the last visit and not after the first", async () => {
    const { widget, world } = await aWidget();
    const first = await widget.visit();
    await first.says("Hello");
    world.advance(hours(24 * 179));
    const second = await widget.visit({ visitor_token: first.token });
    expect(second.session.messages.data).toHaveLength(1);
    world.advance(hours(24 * 2));
    expect(await widget.start({ visitor_token: first.token })).toMatchObject({
      status: 401,
      body: { code: "unauthorized", reason: "expired_token" },
    });
    expect(await first.says("Hello again")).toMatchObject({ status: 401, body: { reason: "expired_token" } });
    expect((await widget.visit({ visitor_token: second.token })).session.messages.data).toHaveLength(1);
  });

  test.each([
    [
      "another kind's",
      async (world: World, tenant: Awaited<ReturnType<World["tenant"]>>) => (await createSandbox(world, tenant, "web_widget")).channel_id,
    ],
    ["no channel's", async (world: World) => world.services.newId("chan")],
    ["a malformed", async () => "chan_1"],
    [
      "a disconnected channel's",
      async (world: World, tenant: Awaited<ReturnType<World["tenant"]>>) => {
        const { channel_id } = await createWidget(world, tenant);
        await world.services.db
          .update(channels)
          .set({ status: "disconnected" })
          .where(eq(channels.id, channel_id as never));
        return channel_id;
      },
    ],
  ])("with %s id is 404, and always the same", async (_, make) => {
    const { world, tenant, widget } = await aWidget();
    const channel_id = await make(world, tenant);
    const { status, headers, body } = await widget.start({ channel_id });
    expect(status).toBe(404);
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(body).toMatchObject({
      code: "not_found",
      instance: "/widget/v1/sessions",
      detail: "There is no such resource in this workspace.",
    });
  });
});

describe("a user of the website", () => {
  test("is known by the id that the website's server signed, on every device", async () => {
    const { widget, tenant } = await aWidget();
    const laptop = await widget.visit({ user: userOf("42", { name: "Sara Haddad", email: "sara@shop.example" }) });
    expect(laptop.session.visitor).toEqual({ is_verified: true, name: "Sara Haddad" });
    await laptop.says("My order?");
    const phone = await widget.visit({ user: userOf("42") });
    expect(phone.session.messages.data).toHaveLength(1);
    expect(await contactsOf({ tenant })).toMatchObject([
      {
        name: "Sara Haddad",
        metadata: { email: "sara@shop.example" },
        identities: [{ kind: "visitor", value: `${widget.channel_id}:user:42` }],
      },
    ]);
  });

  test("whose contact has no room for their address writes all the same, and the contact can be read", async () => {
    const { widget, tenant } = await aWidget();
    const first = await widget.visit({ user: userOf("42") });
    await first.says("Hello");
    const [{ id } = { id: "" }] = await contactsOf({ tenant });
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`key_${n}`, "x"]));
    expect((await tenant.get(`/v1/contacts/${id}`, { method: "PATCH", body: { metadata } })).status).toBe(200);
    const laptop = await widget.visit({ user: userOf("42", { email: "sara@shop.example" }) });
    await laptop.says("My order?");
    expect(await contactsOf({ tenant })).toMatchObject([{ id, metadata }]);
  });

  test.each([
    ["of another id", () => ({ ...userOf("42"), hash: userOf("43").hash })],
    ["under another secret", () => userOf("42", {}, "some other secret of 32 characters!")],
    ["that is no hash", () => ({ id: "42", hash: "x" })],
    ["that is too short", () => ({ id: "42", hash: userOf("42").hash.slice(2) })],
    ["of nothing", () => ({ id: "42", hash: "" })],
    ["of zeros", () => ({ id: "42", hash: "0".repeat(64) })],
  ])("with a hash %s is refused, and nothing is made", async (_, user) => {
    const { widget, tenant } = await aWidget();
    expect(await widget.start({ user: user() })).toMatchObject({ status: 403, body: { code: "identity_not_verified" } });
    expect(await contactsOf({ tenant })).toEqual([]);
  });

  test("and the same person unknown are two, whose histories never meet", async () => {
    const { widget, tenant } = await aWidget();
    const unknown = await widget.visit();
    await unknown.says("As nobody");
    const known = await widget.visit({ user: userOf("42") });
    expect(known.session.messages.data).toEqual([]);
    await known.says("As Sara");
    expect((await unknown.history()).body.data.map(({ content }) => content)).toEqual([{ type: "text", text: "As nobody" }]);
    expect((await known.history()).body.data.map(({ content }) => content)).toEqual([{ type: "text", text: "As Sara" }]);
    expect(await contactsOf({ tenant })).toHaveLength(2);
  });

  test("of one website is not the user of another who has the same id", async () => {
    const { world, tenant, widget } = await aWidget();
    await (await widget.visit({ user: userOf("42") })).says("Here");
    const other = await createWidget(world, tenant);
    expect((await other.visit({ user: userOf("42") })).session.messages.data).toEqual([]);
  });

  test("cannot be impersonated by an id that looks like an unknown visitor's", async () => {
    const { widget } = await aWidget();
    const unknown = await widget.visit();
    await unknown.says("Mine");
    const claims = JSON.parse(Buffer.from(unknown.token.slice(4).split(".")[0]!, "base64url").toString()) as { visitor: { id: string } };
    const liar = await widget.visit({ user: userOf(claims.visitor.id) });
    expect(liar.session.messages.data).toEqual([]);
  });
});

describe("a token", () => {
  test("of a user is of no use without the user, nor another visitor's with one", async () => {
    const { widget } = await aWidget();
    const sara = await widget.visit({ user: userOf("42") });
    const omar = await widget.visit({ user: userOf("43") });
    const nobody = await widget.visit();
    const refused = { status: 401, body: { code: "unauthorized", reason: "unknown_token" } };
    expect(await widget.start({ visitor_token: sara.token })).toMatchObject(refused);
    expect(await widget.start({ visitor_token: nobody.token, user: userOf("42") })).toMatchObject(refused);
    expect(await widget.start({ visitor_token: omar.token, user: userOf("42") })).toMatchObject(refused);
    expect((await widget.start({ visitor_token: sara.token, user: userOf("42") })).status).toBe(201);
  });

  test("that was tampered with, is another widget's, or none, opens nothing", async () => {
    const { world, tenant, widget } = await aWidget();
    const page = await widget.visit();
    const other = await (await createWidget(world, tenant)).visit();
    const [body = "", signature = ""] = page.token.slice(4).split(".");
    const forged = Buffer.from(
      JSON.stringify({ ...(JSON.parse(Buffer.from(body, "base64url").toString()) as object), visitor: { id: "user:1" } }),
    );
    for (const [token, reason] of [
      [`wvt_${forged.toString("base64url")}.${signature}`, "unknown_token"],
      [`wvt_${body}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`, "unknown_token"],
      [page.token.slice(0, -1), "unknown_token"],
      [other.token, "unknown_token"],
      ["wvt_", "malformed_token"],
      ["wvt_bm90IGpzb24.x", "malformed_token"],
      ["wvt_bnVsbA.x", "malformed_token"],
      ["wsk_live_0000000000000000000000000000000031QPIk", "malformed_token"],
    ] as const) {
      const ask = { key: token, headers: { Origin: shop } };
      expect(await world.request(`/widget/v1/messages?channel_id=${widget.channel_id}`, ask), token).toMatchObject({
        status: 401,
        body: { reason },
      });
      expect((await widget.start({ visitor_token: token })).status, token).toBe(401);
    }
    const bare = await world.request("/widget/v1/messages", { headers: { Origin: shop } });
    expect(bare).toMatchObject({ status: 401, body: { reason: "missing_token" } });
    expect(bare.headers.get("www-authenticate")).toContain("Bearer");
  });

  test("of a user ends with the secret that vouched for it; an unknown visitor's goes on", async () => {
    const { world, tenant, widget } = await aWidget();
    const [known, unknown] = [await widget.visit({ user: userOf("42") }), await widget.visit()];
    const kind = { channel: "web_widget", provider: "web_widget" } as const;
    const credentials = sealCredentials(tenant.ctx, kind, { allowed_origins: [shop], identity_secret: `${identity_secret}, rotated` });
    await world.services.db.update(channels).set(credentials).where(eq(channels.id, widget.channel_id));
    expect(await known.history()).toMatchObject({ status: 401, body: { reason: "unknown_token" } });
    expect((await unknown.history()).status).toBe(200);
  });

  test("outlives a rotation of the master key", async () => {
    const { world, widget } = await aWidget();
    const page = await widget.visit();
    const newer = "a newer master key of thirty-two characters";
    world.services.vault = createVault([newer, master_key]);
    expect((await page.history()).status).toBe(200);
  });
});

describe("the limits", () => {
  test("of an address cover what has no token yet, and say when to come again", async () => {
    const ip = freshAddress();
    const { widget } = await aWidget({ ip_limit_per_minute: 12, trusted_proxies: ["127.0.0.1"] });
    const from = { Origin: shop, "X-Forwarded-For": ip };
    expect((await widget.start({}, from)).status).toBe(201);
    expect((await widget.start({}, from)).status).toBe(201);
    const refused = await widget.start<Record<string, unknown>>({}, from);
    expect(refused).toMatchObject({
      status: 429,
      body: { code: "too_many_requests", limit: { scope: "ip", limit: 12, window_seconds: 60 } },
    });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await widget.start({}, { ...from, "X-Forwarded-For": freshAddress() })).status, "an address is not another").toBe(201);
  });

  test("of a visitor hold from every address, and are told to the page", async () => {
    const { widget } = await aWidget();
    const [page, other] = [await widget.visit(), await widget.visit()];
    const answers = await Promise.all(Array.from({ length: 130 }, () => page.history()));
    const refused = answers.filter(({ status }) => status === 429);
    // A minute may have begun in between: then there was room for them all.
    for (const { body, headers } of refused) {
      expect(body).toMatchObject({ code: "too_many_requests", limit: { scope: "visitor", limit: 120 } });
      expect(headers.get("access-control-allow-origin")).toBe(shop);
      expect(headers.get("access-control-expose-headers")).toContain("Retry-After");
    }
    if (refused.length === 0)
      expect((await Promise.all(Array.from({ length: 120 }, () => page.history()))).some(({ status }) => status === 429)).toBe(true);
    expect((await other.history()).status).toBe(200);
  });
});
