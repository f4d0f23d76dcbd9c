import { env } from "node:process";
import { eq, like } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Problem } from "../../src/core/errors.ts";
import { hours } from "../../src/core/time.ts";
import type { Session, SessionList } from "../../src/sessions/contract.ts";
import { accounts, sessions, users } from "../../src/sessions/tables.ts";
import { rate_limit_windows } from "../../src/rate-limits/tables.ts";
import { cookie_name, openBrowser, password, portal, tokenIn, welcome } from "../support/members.ts";
import { freshEmail } from "../support/team.ts";
import { freshAddress, roomInMinute } from "../support/windows.ts";
import { createWorld } from "../support/world.ts";

/** They may have to wait for a minute with room in it. */
const minute_ms = 60_000;
const another = "another horse, another battery";
const reasonOf = ({ status, body }: { status: number; body: unknown }) => [status, (body as Problem)["reason"]];
const codeOf = ({ status, body }: { status: number; body: unknown }) => [status, (body as Problem).code];

async function setUp(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  return { world, tenant, ...(await welcome(world, tenant)) };
}

describe("signing in", () => {
  test("gives a cookie that scripts cannot read and other hosts do not get, and tells the token nowhere else", async () => {
    const { world, email, session } = await setUp();
    const browser = openBrowser(world);
    const { status, headers, body } = await browser.signIn(` ${email.toUpperCase()} `);
    expect(status).toBe(200);
    const [pair, ...attributes] = headers.get("set-cookie")!.split("; ");
    expect(pair!.startsWith(`${cookie_name}=`)).toBe(true);
    expect(attributes.toSorted()).toEqual(["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax", "Secure"]);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toMatchObject({ object: "session", user: session.user, workspace: session.workspace, member: session.member });
    expect(JSON.stringify(body)).not.toContain(tokenIn(browser.cookie()!));
  });

  test("says that the fault is ours when the engine was asked wrongly, and not that the password is", async () => {
    const { world, email } = await setUp();
    const misled = await createWorld({ settings: { public_url: `${portal}/wassla` } });
    const answer = await openBrowser(misled).signIn(email);
    expect(codeOf(answer)).toEqual([500, "internal_error"]);
    expect((await openBrowser(world).signIn(email)).status).toBe(200);
  });

  test("keeps of the password what argon2id makes of it", async () => {
    const { world, session } = await setUp();
    const [account] = await world.services.db.select().from(accounts).where(eq(accounts.userId, session.user.id));
    expect(account!.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test("makes another session each time: a cookie that somebody else planted opens nothing", async () => {
    const { world, email, browser: theirs } = await setUp();
    const planted = theirs.cookie()!;
    const browser = openBrowser(world);
    browser.setCookie(planted);
    await browser.signIn(email);
    expect(tokenIn(browser.cookie()!)).not.toBe(tokenIn(planted));

    const invented = openBrowser(world);
    invented.setCookie(`${cookie_name}=chosen-by-somebody-else`);
    expect((await invented.signIn(email)).status).toBe(200);
    expect(tokenIn(invented.cookie()!)).not.toBe("chosen-by-somebody-else");
  });

  test("says the same of a wrong password and of an address that nobody has, and takes as long", async () => {
    const { world, email } = await setUp();
    const browser = openBrowser(world);
    const timed = async (address: string) => {
      const began = performance.now();
      const { status, body, headers } = await browser.post<Problem>("/auth/sign_in", { email: address, password: "not this password" });
      const { request_id: _, ...problem } = body;
      return { ms: performance.now() - began, told: { status, problem, cookie: headers.get("set-cookie") } };
    };
    const wrong = [await timed(email), await timed(email), await timed(email)];
    const unknown = [await timed(freshEmail()), await timed(freshEmail()), await timed(freshEmail())];
    for (const { told } of [...wrong, ...unknown]) {
      expect(told).toMatchObject({ status: 401, problem: { code: "unauthorized", reason: "wrong_credentials" }, cookie: null });
      expect(told).toEqual(wrong[0]!.told);
    }
    // Both make one slow hash; without it the answer would come in a tenth of the time.
    const fastest = (all: { ms: number }[]) => Math.min(...all.map(({ ms }) => ms));
    expect(fastest(unknown)).toBeGreaterThan(fastest(wrong) / 4);
  });

  test.each([
    ["another website", { Origin: "https://evil.example" }],
    ["a sandboxed frame", { Origin: "null" }],
    ["a host that begins like the portal's", { Origin: "https://api.wassla.test.evil.example" }],
    ["the portal's host without TLS", { Origin: "http://api.wassla.test" }],
    ["nobody knows where", {}],
    ["nobody knows where, with a referrer of the portal", { Referer: `${portal}/portal` }],
  ])("from %s is refused, before the password is looked at and whatever NODE_ENV says", async (_, headers) => {
    expect(env["NODE_ENV"]).toBe("test");
    const { world, email } = await setUp();
    const before = await world.services.db.$count(sessions);
    const answer = await openBrowser(world, headers as Record<string, string>).signIn(email);
    expect(codeOf(answer)).toEqual([403, "origin_not_allowed"]);
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(await world.services.db.$count(sessions)).toBe(before);
  });

  test("takes JSON alone: what a form can send is refused", async () => {
    const { world, email } = await setUp();
    const form = {
      method: "POST",
      body: `email=${email}&password=x`,
      headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: portal },
    };
    expect((await world.app.request("/auth/sign_in", form)).status).toBe(415);
  });

  test("names every fault of the input", async () => {
    const { world } = await setUp();
    const { status, body } = await openBrowser(world).post<Problem>("/auth/sign_in", {
      email: "nobody",
      callbackURL: "https://evil.example",
    });
    expect(status).toBe(400);
    expect(body.errors?.map(({ pointer, code }) => `${pointer} ${code}`).toSorted()).toEqual([
      "/callbackURL unknown_field",
      "/email invalid_format",
      "/password required",
    ]);
  });

  test(
    "can be tried five times a minute for one account from one address, right or wrong, and is then refused before any hash is made",
    { timeout: minute_ms },
    async () => {
      const { world, email } = await setUp({ trusted_proxies: ["127.0.0.1"] });
      await roomInMinute(world.services.db, 15);
      const from = { "X-Forwarded-For": freshAddress() };
      const browser = openBrowser(world, { Origin: portal, ...from });
      for (let tries = 0; tries < 5; tries++) expect((await browser.signIn(email, "not this password")).status).toBe(401);
      const { status, headers, body } = await browser.signIn(email);
      expect([status, body]).toMatchObject([429, { code: "too_many_requests", limit: { scope: "sign_in", limit: 5 } }]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      // From elsewhere the account is not locked, and another account is not either.
      expect((await openBrowser(world, { Origin: portal, "X-Forwarded-For": freshAddress() }).signIn(email)).status).toBe(200);
      expect((await browser.signIn(freshEmail())).status).toBe(401);
    },
  );

  test("cannot be tried more often by whoever writes an address of their own in front", { timeout: minute_ms }, async () => {
    const { world, email } = await setUp({ trusted_proxies: ["127.0.0.1"] });
    await roomInMinute(world.services.db, 15);
    const mine = freshAddress();
    const attempt = (n: number) =>
      openBrowser(world, { Origin: portal, "X-Forwarded-For": `203.0.113.${n}, ${mine}`, "X-Client-Address": `203.0.113.${n}` }).signIn(
        email,
        "wrong password",
      );
    const statuses = [];
    for (let n = 0; n < 12; n++) statuses.push((await attempt(n)).status);
    expect(statuses).toEqual([...Array<number>(5).fill(401), ...Array<number>(7).fill(429)]);
  });

  test("is limited for one address over all accounts, and the windows hold no address that was typed", { timeout: minute_ms }, async () => {
    const { world } = await setUp({ trusted_proxies: ["127.0.0.1"] });
    const { app } = await createWorld({ trusted_proxies: ["127.0.0.1"], sign_in_limit_per_minute: 3 });
    await roomInMinute(world.services.db, 15);
    const mine = freshAddress();
    const attempt = (email: string) =>
      app.request("/auth/sign_in", {
        method: "POST",
        body: JSON.stringify({ email, password: "wrong password" }),
        headers: { "Content-Type": "application/json", Origin: portal, "X-Forwarded-For": mine },
      });
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push((await attempt(freshEmail())).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect(await world.services.db.select().from(rate_limit_windows).where(like(rate_limit_windows.subject, "%@%"))).toEqual([]);
  });
});

describe("a session", () => {
  test("is told to whoever has its cookie, with the workspaces they may switch to", async () => {
    const { browser, session, tenant } = await setUp();
    const { status, body } = await browser.get<Session>("/auth/session");
    expect([status, body]).toEqual([200, session]);
    expect(body.workspaces).toEqual([{ id: tenant.workspace_id, name: "Test", role: "agent" }]);
  });

  test("that is a day old is renewed when it is looked at, with its cookie", async () => {
    const { world, browser, session } = await setUp();
    const soon = new Date(Date.now() + hours(24 * 5));
    await world.services.db.update(sessions).set({ expiresAt: soon }).where(eq(sessions.id, session.id));
    const { headers, body } = await browser.get<Session>("/auth/session");
    expect(headers.get("set-cookie")).toContain("Max-Age=604800");
    expect(body.expires_at > soon.toISOString()).toBe(true);
  });

  test("ends with signing out, on the next request", async () => {
    const { world, browser, session } = await setUp();
    const cookie = browser.cookie();
    const { status, headers } = await browser.post("/auth/sign_out");
    expect([status, headers.get("set-cookie")]).toEqual([200, `${cookie_name}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax`]);
    browser.setCookie(cookie);
    expect(reasonOf(await browser.get("/auth/session"))).toEqual([401, "no_session"]);
    expect(await world.services.db.select().from(sessions).where(eq(sessions.id, session.id))).toEqual([]);
  });

  test("that is over is refused and swept", async () => {
    const { world, browser, session } = await setUp();
    world.advance(hours(24 * 8));
    expect(reasonOf(await browser.get("/auth/session"))).toEqual([401, "no_session"]);
    await world.services.db
      .update(sessions)
      .set({ expiresAt: new Date(0) })
      .where(eq(sessions.id, session.id));
    world.advance(-hours(24 * 8));
    expect((await world.sweep())["sessions"]).toBeGreaterThan(0);
    expect(await world.services.db.select().from(sessions).where(eq(sessions.id, session.id))).toEqual([]);
  });

  test("is listed beside the person's others, and each can be ended by them, not by somebody else", async () => {
    const { world, tenant, browser, email } = await setUp();
    const phone = openBrowser(world, { Origin: portal, "User-Agent": "A phone" });
    await phone.signIn(email);
    const { body } = await browser.get<SessionList>("/auth/sessions");
    expect(body.data.map(({ is_current, user_agent }) => [is_current, user_agent])).toEqual([
      [false, "A phone"],
      [true, null],
    ]);
    expect(JSON.stringify(body)).not.toContain(tokenIn(phone.cookie()!));

    const session_id = body.data[0]!.id;
    const stranger = await welcome(world, tenant);
    expect((await stranger.browser.post("/auth/revoke_session", { session_id })).status).toBe(404);
    expect((await phone.get("/auth/session")).status).toBe(200);
    expect((await browser.post("/auth/revoke_session", { session_id })).status).toBe(200);
    expect(reasonOf(await phone.get("/auth/session"))).toEqual([401, "no_session"]);

    await phone.signIn(email);
    expect((await browser.post<SessionList>("/auth/revoke_other_sessions")).body.data).toHaveLength(1);
    expect((await phone.get("/auth/session")).status).toBe(401);
    expect((await stranger.browser.get("/auth/session")).status).toBe(200);
  });

  test.each(["/auth/sign_out", "/auth/revoke_other_sessions", "/auth/change_password", "/auth/switch_workspace", "/auth/revoke_session"])(
    "is not touched by another website: %s",
    async (path) => {
      const { world, browser } = await setUp();
      for (const headers of [{ Origin: "https://evil.example" }, {}] as Record<string, string>[]) {
        const page = openBrowser(world, headers);
        page.setCookie(browser.cookie());
        expect(codeOf(await page.post(path, {}))).toEqual([403, "origin_not_allowed"]);
      }
      expect((await browser.get("/auth/session")).status).toBe(200);
    },
  );
});

describe("changing the password", () => {
  test("ends every other session, keeps this browser signed in, and leaves the old password useless", async () => {
    const { world, browser, email, session } = await setUp();
    const phone = openBrowser(world);
    await phone.signIn(email);
    const before = browser.cookie();
    const { status, body } = await browser.post<Session>("/auth/change_password", { current_password: password, new_password: another });
    expect([status, body.workspace]).toEqual([200, session.workspace]);
    expect(browser.cookie()).not.toBe(before);
    expect((await browser.get("/auth/session")).status).toBe(200);
    expect((await phone.get("/auth/session")).status).toBe(401);
    expect((await phone.signIn(email)).status).toBe(401);
    expect((await phone.signIn(email, another)).status).toBe(200);
  });

  test("asks for the current one, and for a new one that is long enough", async () => {
    const { browser } = await setUp();
    const change = async (body: object) =>
      (await browser.post<Problem>("/auth/change_password", body)).body.errors?.map(({ pointer, code }) => `${pointer} ${code}`);
    expect(await change({ current_password: "not this password", new_password: another })).toEqual(["/current_password wrong_password"]);
    expect(await change({ current_password: password, new_password: "short" })).toEqual(["/new_password too_small"]);
    expect((await browser.get("/auth/session")).status).toBe(200);
  });
});

test("nobody signs themselves up, and of the engine's own routes none is there", async () => {
  const { world, browser } = await setUp();
  const before = await world.services.db.$count(users);
  for (const path of [
    "sign-up/email",
    "sign-in/email",
    "sign-in/social",
    "update-user",
    "delete-user",
    "reset-password",
    "list-sessions",
    "ok",
    "error",
  ]) {
    expect((await browser.post(`/auth/${path}`, { email: freshEmail(), password, name: "Me" })).status, path).toBe(404);
    expect((await browser.get(`/auth/${path}`)).status, path).toBe(404);
  }
  expect((await browser.get("/auth/sign_in")).status).toBe(405);
  expect(await world.services.db.$count(users)).toBe(before);
});

test("on a laptop the cookie is an ordinary one, and the portal may be called by either name of the machine", async () => {
  const world = await createWorld({ settings: { public_url: "http://127.0.0.1:3000" } });
  const { email } = await welcome(await createWorld(), await world.tenant());
  for (const origin of ["http://127.0.0.1:3000", "http://localhost:3000"]) {
    const { status, headers } = await openBrowser(world, { Origin: origin }).signIn(email);
    expect([status, headers.get("set-cookie")]).toEqual([
      200,
      expect.stringMatching(/^wassla_session=[^;]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
  }
  expect((await openBrowser(world, { Origin: "http://127.0.0.1:3001" }).signIn(email)).status).toBe(403);
});
