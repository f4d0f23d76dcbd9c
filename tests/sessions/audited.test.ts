import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import { minutes } from "../../src/core/time.ts";
import type { Session, SessionList } from "../../src/sessions/contract.ts";
import { sessions } from "../../src/sessions/tables.ts";
import { openBrowser, password, portal, welcome } from "../support/members.ts";
import { rowsOf } from "../support/rows.ts";
import { freshEmail, remove } from "../support/team.ts";
import { breakAt } from "../support/webhooks.ts";
import { freshAddress, roomInMinute } from "../support/windows.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

const another = "another horse, another battery";
const wrong = "not this password";

async function setUp() {
  const world = await createWorld({ trusted_proxies: ["127.0.0.1"] });
  const tenant = await world.tenant();
  return { world, tenant, ...(await welcome(world, tenant)) };
}

/** A browser somewhere in the world. */
function somewhere(world: World, agent = "A phone") {
  const address = freshAddress();
  return { address, ...openBrowser(world, { Origin: portal, "X-Forwarded-For": address, "User-Agent": agent }) };
}

const toldOf = async (tenant: Tenant, action: string) => (await rowsOf(tenant, audit_log)).filter((entry) => entry.action === action);
const sessionsOf = ({ services }: World, { user }: Session) => services.db.select().from(sessions).where(eq(sessions.userId, user.id));

describe("the audit log tells", () => {
  test("who signed in, when and from where, to every workspace that the person is in, and to no other", async () => {
    const { world, tenant, id, email } = await setUp();
    const [second, left] = [await world.tenant(), await world.tenant()];
    const there = await welcome(world, second, "viewer", { email, name: "Lina H." });
    await remove(left, (await welcome(world, left, "agent", { email })).id);
    const before = [await toldOf(tenant, "team_member.signed_in"), await toldOf(left, "team_member.signed_in")].map(({ length }) => length);

    const phone = somewhere(world);
    const { headers, body } = await phone.signIn(email);
    const details = { session_id: body.id, ip_address: phone.address, user_agent: "A phone" };
    const request_id = headers.get("x-request-id");
    expect((await toldOf(tenant, "team_member.signed_in")).slice(before[0])).toMatchObject([
      { actor_type: "member", actor_id: id, actor_name: "Lina Haddad", target_id: id, details, request_id },
    ]);
    expect((await toldOf(second, "team_member.signed_in")).at(-1)).toMatchObject({ actor_id: there.id, details, request_id });
    expect(await toldOf(left, "team_member.signed_in")).toHaveLength(before[1]!);
  });

  test("from where an invitation was accepted, and that whoever did so is signed in", async () => {
    const { tenant, id, session } = await setUp();
    expect(await toldOf(tenant, "team_member.joined")).toMatchObject([{ target_id: id, details: { ip_address: "127.0.0.1" } }]);
    expect(await toldOf(tenant, "team_member.signed_in")).toMatchObject([{ actor_id: id, details: { session_id: session.id } }]);
  });

  test("which session somebody ended, and how many", async () => {
    const { world, tenant, browser, id, email } = await setUp();
    const [phone, tablet] = [somewhere(world), somewhere(world)];
    const { body: on_phone } = await phone.signIn(email);
    await phone.post("/auth/sign_out");
    const { body: on_tablet } = await tablet.signIn(email);
    await browser.post("/auth/revoke_session", { session_id: on_tablet.id });
    for (const other of [phone, tablet]) await other.signIn(email);
    expect((await browser.post<SessionList>("/auth/revoke_other_sessions")).body.data).toHaveLength(1);
    const told = await toldOf(tenant, "team_member.signed_out");
    expect(told).toMatchObject([
      { actor_id: id, details: { ended: 1, session_id: on_phone.id, ip_address: phone.address } },
      { actor_id: id, details: { ended: 1, session_id: on_tablet.id, ip_address: "127.0.0.1" } },
      { actor_id: id, details: { ended: 2 } },
    ]);
    // Nothing is left to be told.
    await browser.post("/auth/revoke_other_sessions");
    await phone.post("/auth/sign_out");
    expect(await toldOf(tenant, "team_member.signed_out")).toHaveLength(3);
  });

  test("that a password was changed, and never which", async () => {
    const { world, tenant, browser, id, email } = await setUp();
    await somewhere(world).signIn(email);
    await browser.post("/auth/change_password", { current_password: password, new_password: another });
    expect(await toldOf(tenant, "team_member.password_changed")).toMatchObject([{ actor_id: id, target_id: id, details: { ended: 2 } }]);
    const told = JSON.stringify(await rowsOf(tenant, audit_log));
    for (const secret of [password, another]) expect(told).not.toContain(secret);
  });

  test("of wrong passwords once an hour and person, however many are guessed, and in nobody's name", async () => {
    const { world, tenant, email, id } = await setUp();
    const failed = () => toldOf(tenant, "team_member.sign_in_failed");
    const thief = somewhere(world, "A thief");
    await Promise.all([thief.signIn(email, wrong), somewhere(world).signIn(email, wrong), somewhere(world).signIn(email, wrong)]);
    await expect.poll(failed).toHaveLength(1);
    await thief.signIn(email, wrong);
    world.advance(minutes(59));
    await somewhere(world).signIn(email, wrong);
    // Whoever can sign in is told of behind what was not told of them.
    await somewhere(world).signIn(email);
    expect(await failed()).toMatchObject([
      { actor_type: "system", actor_id: null, target_id: id, details: { ip_address: expect.any(String) as string } },
    ]);
    world.advance(minutes(2));
    await thief.signIn(email, wrong);
    await expect.poll(failed).toHaveLength(2);
    expect((await failed())[1]).toMatchObject({ details: { ip_address: thief.address, user_agent: "A thief" } });
  });

  test("of a wrong password at an invitation, or where one is changed, too", async () => {
    const { world, tenant, browser } = await setUp();
    await browser.post("/auth/change_password", { current_password: wrong, new_password: another });
    await expect.poll(() => toldOf(tenant, "team_member.sign_in_failed")).toHaveLength(1);

    const second = await world.tenant();
    const { email } = await welcome(world, second);
    const { body } = await tenant.post<{ invitation: { token: string } }>("/v1/team_members", { email, role: "agent" });
    await browser.post("/auth/accept_invitation", { token: body.invitation.token, name: "Lina", password: wrong });
    await expect.poll(() => toldOf(second, "team_member.sign_in_failed")).toHaveLength(1);
    expect(await toldOf(tenant, "team_member.sign_in_failed")).toHaveLength(1);
  });

  test("that somebody was refused who tried too often, once an hour", { timeout: 60_000 }, async () => {
    const { world, tenant, email, id } = await setUp();
    const refused = () => toldOf(tenant, "team_member.sign_in_refused");
    await roomInMinute(world.services.db, 20);
    for (const thief of [somewhere(world), somewhere(world)]) {
      const statuses = [];
      for (let tries = 0; tries < 7; tries++) statuses.push((await thief.signIn(email, wrong)).status);
      expect(statuses.slice(5)).toEqual([429, 429]);
    }
    await expect.poll(refused).toHaveLength(1);
    expect(await refused()).toMatchObject([{ actor_type: "system", target_id: id }]);
    expect(await toldOf(tenant, "team_member.sign_in_failed")).toHaveLength(1);
  });

  test("nobody of somebody unknown", async () => {
    const { world } = await setUp();
    const before = await world.services.db.$count(audit_log);
    const told = world.logged.length;
    for (let tries = 0; tries < 6; tries++) await somewhere(world).signIn(freshEmail(), wrong);
    expect(await world.services.db.$count(audit_log)).toBe(before);
    expect(world.logged).toHaveLength(told);
  });
});

describe("what the audit log cannot be told does not happen:", () => {
  test("nobody is signed in, and what was made on the way is over in a minute", async () => {
    const { world, email, session } = await setUp();
    const mend = breakAt(world, "aud");
    const phone = somewhere(world);
    const { status, headers } = await phone.signIn(email);
    expect([status, headers.get("set-cookie")]).toEqual([500, null]);
    const left = (await sessionsOf(world, session)).filter(({ id }) => id !== session.id);
    for (const { expiresAt } of left) expect(expiresAt.getTime()).toBeLessThan(Date.parse(world.now()) + minutes(1) + 1);
    mend();
    expect((await phone.signIn(email)).status).toBe(200);
  });

  test("sessions stay, and so does the password", async () => {
    const { world, browser, email, session } = await setUp();
    const phone = somewhere(world);
    const { body: other } = await phone.signIn(email);
    const mend = breakAt(world, "aud");
    const attempts: [string, object][] = [
      ["/auth/sign_out", {}],
      ["/auth/revoke_session", { session_id: other.id }],
      ["/auth/revoke_other_sessions", {}],
      ["/auth/change_password", { current_password: password, new_password: another }],
    ];
    for (const [path, body] of attempts) expect((await browser.post(path, body)).status, path).toBe(500);
    expect((await sessionsOf(world, session)).map(({ id }) => id).toSorted()).toEqual([session.id, other.id].toSorted());
    mend();
    expect((await somewhere(world).signIn(email, another)).status).toBe(401);
    expect((await somewhere(world).signIn(email)).status).toBe(200);
    expect((await browser.post("/auth/change_password", { current_password: password, new_password: another })).status).toBe(200);
    expect((await phone.get("/auth/session")).status).toBe(401);
  });
});

test("a sign-in with the old password that is under way while it is changed does not outlive it", async () => {
  const { world, browser, email, session } = await setUp();
  const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const thieves = Array.from({ length: 12 }, () => somewhere(world));
  const [changed] = await Promise.all([
    browser.post<Session>("/auth/change_password", { current_password: password, new_password: another }),
    ...thieves.map((thief, at) => later(at * 12).then(() => thief.signIn(email))),
  ]);
  expect(changed.status).toBe(200);
  expect((await sessionsOf(world, session)).filter(({ expiresAt }) => expiresAt.getTime() > Date.now() + minutes(2))).toHaveLength(1);
  for (const thief of thieves) expect((await thief.get("/auth/session")).status).toBe(401);
});

test("of two who change one password at once, one does", async () => {
  const { world, browser, email } = await setUp();
  const phone = somewhere(world);
  await phone.signIn(email);
  const change = (from: typeof browser, new_password: string) =>
    from.post("/auth/change_password", { current_password: password, new_password });
  const answers = await Promise.all([change(browser, another), change(phone, `${another} too`)]);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  const [first] = answers;
  const chosen = first.status === 200 ? another : `${another} too`;
  expect((await somewhere(world).signIn(email, chosen)).status).toBe(200);
});
