import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { audit_log } from "../../src/audit/tables.ts";
import type { Session } from "../../src/sessions/contract.ts";
import { sessions } from "../../src/sessions/tables.ts";
import type { Role } from "../../src/team/contract.ts";
import { cookie_name, openBrowser, password, portal, tokenIn, welcome, type Browser } from "../support/members.ts";
import { rowsOf } from "../support/rows.ts";
import { remove } from "../support/team.ts";
import { letMinutePass, roomInMinute } from "../support/windows.ts";
import { uuidOf } from "../../src/core/ids.ts";
import { createWorld } from "../support/world.ts";

async function setUp(role: Role = "agent") {
  const world = await createWorld();
  const tenant = await world.tenant();
  return { world, tenant, ...(await welcome(world, tenant, role)) };
}

interface Refused {
  error: { data: { problem: Problem } };
}
const ask = async (browser: Browser, headers?: Record<string, string>) => {
  const { status, body } = await browser.get<Refused>("/trpc/teamMembers.list?input=%7B%7D", headers);
  const problem = body.error?.data.problem;
  return problem ? [status, problem.code, problem["reason"]] : [status];
};

describe("a member's request", () => {
  test("is made for the session's workspace, in the member's name", async () => {
    const { tenant, client, id } = await setUp();
    const { id: conversation_id } = await tenant.hears("Hello");
    const sent = await client.messages.sendInConversation.mutate({ conversation_id, content: { type: "text", text: "Good day" } });
    expect(sent.sender).toEqual({ type: "team_member", id, name: "Lina Haddad" });
    const closed = await client.conversations.close.mutate({ conversation_id });
    expect(closed.closed_by).toBe("team_member");
    const { body } = await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`);
    expect(body.closed_by).toBe("team_member");
  });

  test("sees nothing of another workspace", async () => {
    const { world, client } = await setUp();
    const other = await world.tenant();
    const { id: conversation_id } = await other.hears("Hello");
    await expect(client.conversations.get.query({ conversation_id })).rejects.toMatchObject({ data: { problem: { code: "not_found" } } });
  });

  test.each<[Role, number, number, number]>([
    ["owner", 200, 200, 200],
    ["admin", 200, 200, 200],
    ["agent", 200, 200, 403],
    ["viewer", 200, 403, 403],
  ])("of the role %s may read, write and administer as the role says", async (role, read, write, admin) => {
    const { tenant, browser } = await setUp(role);
    const { id: conversation_id } = await tenant.hears("Hello");
    const statuses = [
      await browser.get("/trpc/conversations.list?input=%7B%7D"),
      await browser.post("/trpc/conversations.close", { conversation_id }),
      await browser.get("/trpc/apiKeys.list?input=%7B%7D"),
    ].map(({ status }) => status);
    expect(statuses).toEqual([read, write, admin]);
  });

  test("is refused at once when the session was revoked, on every instance", async () => {
    const { world, browser, session } = await setUp();
    expect(await ask(browser)).toEqual([200]);
    await world.services.db.delete(sessions).where(eq(sessions.id, session.id));
    expect(await ask(browser)).toEqual([401, "unauthorized", "no_session"]);
  });

  test("is refused at once when the member was removed; a session from before does not come back with them", async () => {
    const { world, tenant, browser, id, email } = await setUp();
    await remove(tenant, id);
    expect(await ask(browser)).toEqual([401, "unauthorized", "no_workspace"]);
    const { body } = await browser.get<Session>("/auth/session");
    expect(body).toMatchObject({ workspace: null, member: null, workspaces: [] });

    const again = await welcome(world, tenant, "viewer", { email });
    expect(again).toMatchObject({ id, session: { member: { role: "viewer" } } });
    expect(await ask(again.browser)).toEqual([200]);
    expect(await ask(browser)).toEqual([401, "unauthorized", "no_session"]);
  });

  test("has the role that the member has now", async () => {
    const { tenant, client, id } = await setUp();
    await expect(client.apiKeys.list.query({})).rejects.toThrow("admin");
    await tenant.patch(`/v1/team_members/${id}`, { role: "admin" });
    expect((await client.apiKeys.list.query({})).data).toHaveLength(1);
  });

  test("by a forged, altered, unsigned, doubled or foreign cookie is nobody's", async () => {
    const { world, browser } = await setUp();
    const cookie = browser.cookie()!;
    const token = tokenIn(cookie);
    const [, signature] = cookie.slice(cookie.indexOf("=") + 1).split(".");
    for (const forged of [
      `${cookie_name}=${token}`,
      `${cookie_name}=${token}.`,
      `${cookie_name}=${token}.${"A".repeat(43)}%3D`,
      `${cookie_name}=${token.toLowerCase()}x.${signature}`,
      `${cookie_name}=%E0%A4%A`,
      `${cookie_name}=`,
      `${cookie}; ${cookie}`,
    ]) {
      const page = openBrowser(world);
      page.setCookie(forged);
      expect(await ask(page), forged.replace(token, "…")).toEqual([401, "unauthorized", "no_session"]);
    }
    const other = openBrowser(world);
    other.setCookie(cookie.replace("__Host-", ""));
    expect(await ask(other)).toEqual([401, "unauthorized", "missing_token"]);
  });

  test("from another website, or from nobody knows where, is refused and changes nothing", async () => {
    const { world, tenant, browser } = await setUp();
    const { id: conversation_id } = await tenant.hears("Hello");
    const pages: Record<string, string>[] = [{ Origin: "https://evil.example" }, { Origin: "null" }, {}, { "Sec-Fetch-Site": "same-site" }];
    for (const headers of pages) {
      const page = openBrowser(world, headers);
      page.setCookie(browser.cookie());
      const { status, body } = await page.post<Refused>("/trpc/conversations.close", { conversation_id });
      expect([status, body.error.data.problem.code]).toEqual([403, "origin_not_allowed"]);
    }
    expect((await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`)).body.status).toBe("open");
  });

  test("that reads may name no origin, as browsers do of their own pages, unless it comes from elsewhere", async () => {
    const { world, browser } = await setUp();
    const page = openBrowser(world, {});
    page.setCookie(browser.cookie());
    expect(await ask(page, { "Sec-Fetch-Site": "same-origin" })).toEqual([200]);
    expect(await ask(page, { "Sec-Fetch-Site": "cross-site" })).toEqual([403, "origin_not_allowed", undefined]);
    expect(await ask(page, { Origin: "https://evil.example" })).toEqual([403, "origin_not_allowed", undefined]);
  });

  test("goes to /trpc: on /v1 there are keys alone", async () => {
    const { browser } = await setUp("owner");
    const { status, body } = await browser.get<Problem>("/v1/me");
    expect([status, body["reason"]]).toEqual([401, "missing_token"]);
  });

  test("with a key beside the cookie is the key's", async () => {
    const { tenant, browser } = await setUp();
    const { body } = await browser.get<{ result: { data: { api_key: { name: string } } } }>("/trpc/me.get?input=%7B%7D", {
      Authorization: `Bearer ${tenant.api_key}`,
    });
    expect(body.result.data.api_key.name).toBe("First key");
  });

  test("counts in a window of the member's own, which the workspace's keys do not fill", async () => {
    const { world, tenant, client, browser, id } = await setUp();
    await roomInMinute(world.services.db, 10);
    await letMinutePass(world.services.db, uuidOf(id));
    const left = async () => (await client.rateLimit.get.query({})).windows.map(({ scope, limit, remaining }) => [scope, limit, remaining]);
    expect((await left())[1]).toEqual(["member", 600, 599]);
    await tenant.get("/v1/me");
    expect((await left())[1]).toEqual(["member", 600, 598]);

    const { headers } = await browser.get("/trpc/teamMembers.list?input=%7B%7D");
    expect(headers.get("ratelimit-policy")).toBe('"ip";q=1000000;w=60, "member";q=600;w=60');
    // Each call of a batch counts.
    const batch = Array(20).fill("teamMembers.list").join(",");
    const statuses = [];
    for (let n = 0; n < 30; n++) statuses.push((await browser.get(`/trpc/${batch}?batch=1&input=%7B%7D`)).status);
    const { status, body, headers: told } = await browser.get<Refused>(`/trpc/${batch}?batch=1&input=%7B%7D`);
    expect(statuses).toContain(429);
    expect([status, body.error.data.problem]).toMatchObject([429, { code: "too_many_requests", limit: { scope: "member", limit: 600 } }]);
    expect(Number(told.get("retry-after"))).toBeGreaterThan(0);
    expect((await tenant.get("/v1/me")).status).toBe(200);
  });
});

test("whoever is of two workspaces is in one at a time, and switches; the other session stays where it is", async () => {
  const { world, tenant, browser, client, email } = await setUp("owner");
  const second = await world.tenant();
  const other = await welcome(world, second, "viewer", { email });
  expect(other.session).toMatchObject({ workspace: { id: second.workspace_id }, member: { role: "viewer" } });
  expect(new Map(other.session.workspaces.map(({ id, role }) => [id, role]))).toEqual(
    new Map([
      [tenant.workspace_id, "owner"],
      [second.workspace_id, "viewer"],
    ]),
  );
  expect((await client.apiKeys.list.query({})).data).toHaveLength(1);

  const { body } = await browser.post<Session>("/auth/switch_workspace", { workspace_id: second.workspace_id });
  expect(body).toMatchObject({ workspace: { id: second.workspace_id }, member: { role: "viewer" } });
  await expect(client.apiKeys.list.query({})).rejects.toThrow("admin");

  const third = await world.tenant();
  const foreign = await browser.post<Problem>("/auth/switch_workspace", { workspace_id: third.workspace_id });
  const missing = await browser.post<Problem>("/auth/switch_workspace", { workspace_id: "ws_01m7x0q4w6e8r9t2y3v5n7b1c4" });
  expect([foreign.status, { ...foreign.body, request_id: "" }]).toEqual([404, { ...missing.body, request_id: "" }]);
});

test("only an owner makes or changes an owner; an administrator does the rest", async () => {
  const { world, tenant, client, id } = await setUp("owner");
  const admin = await welcome(world, tenant, "admin");
  const refused = { data: { problem: { code: "forbidden" } } };
  await expect(admin.client.teamMembers.invite.mutate({ email: "new@shop.example", role: "owner" })).rejects.toMatchObject(refused);
  await expect(admin.client.teamMembers.update.mutate({ team_member_id: admin.id, role: "owner" })).rejects.toMatchObject(refused);
  await expect(admin.client.teamMembers.update.mutate({ team_member_id: id, role: "viewer" })).rejects.toMatchObject(refused);
  await expect(admin.client.teamMembers.remove.mutate({ team_member_id: id })).rejects.toMatchObject(refused);
  expect(await admin.client.teamMembers.invite.mutate({ email: "new@shop.example", role: "admin" })).toMatchObject({ role: "admin" });
  expect(await client.teamMembers.update.mutate({ team_member_id: admin.id, role: "owner" })).toMatchObject({ role: "owner" });
});

test("a key makes and changes no owner unless an owner made it, or nobody of the team", async () => {
  const { world, tenant, client, id } = await setUp("owner");
  const admin = await welcome(world, tenant, "admin");
  const { id: somebody } = await welcome(world, tenant);
  const keyOf = async (maker: typeof client) => (await maker.apiKeys.create.mutate({ name: "Ours", scopes: ["admin"] })).token;
  const appoint = (key: string, who: string, role: Role) => tenant.get(`/v1/team_members/${who}`, { method: "PATCH", body: { role }, key });

  const of_admin = await keyOf(admin.client);
  const refused = { status: 403, body: { code: "forbidden", required_scope: "owner" } };
  expect(await appoint(of_admin, admin.id, "owner")).toMatchObject(refused);
  expect(await appoint(of_admin, id, "viewer")).toMatchObject(refused);
  expect(await tenant.get(`/v1/team_members/${id}`, { method: "DELETE", key: of_admin })).toMatchObject(refused);
  expect(
    await tenant.get("/v1/team_members", { method: "POST", body: { email: "new@shop.example", role: "owner" }, key: of_admin }),
  ).toMatchObject(refused);
  expect((await appoint(of_admin, somebody, "viewer")).status).toBe(200);

  const of_owner = await keyOf(client);
  expect((await appoint(of_owner, admin.id, "owner")).status).toBe(200);
  // Who made the first key is an owner now: what counts is who they are when it is used.
  expect((await appoint(of_admin, somebody, "owner")).status).toBe(200);
  expect((await appoint(tenant.api_key, somebody, "agent")).status).toBe(200);
});

test("neither a token nor a password stands in what is kept beside the session, nor in what is told", async () => {
  const { world, tenant, browser, email } = await setUp("admin");
  const { body } = await browser.get<Session>("/auth/session");
  await openBrowser(world, { Origin: portal }).signIn(email, "a password that is wrong");
  const told = JSON.stringify([body, await rowsOf(tenant, audit_log), world.logged]);
  for (const secret of [tokenIn(browser.cookie()!), password, "a password that is wrong"]) expect(told).not.toContain(secret);
});
