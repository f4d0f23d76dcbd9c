import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Problem } from "../../src/core/errors.ts";
import { hours } from "../../src/core/time.ts";
import type { Session } from "../../src/sessions/contract.ts";
import { users } from "../../src/sessions/tables.ts";
import { members } from "../../src/team/tables.ts";
import { openBrowser, password, welcome } from "../support/members.ts";
import { rowsOf } from "../support/rows.ts";
import { freshEmail, invite, remove } from "../support/team.ts";
import { breakAt } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { body: invited } = await invite(tenant, { role: "agent" });
  const browser = openBrowser(world);
  const accept = (given: object = {}) =>
    browser.post<Session & Problem>("/auth/accept_invitation", { token: invited.invitation.token, name: "Lina", password, ...given });
  return { world, tenant, invited, browser, accept };
}

describe("an invitation", () => {
  test("shows whom it is for and where to, and is not used by being looked at", async () => {
    const { browser, invited, accept } = await setUp();
    const look = () => browser.post("/auth/invitation", { token: invited.invitation.token });
    expect((await look()).body).toEqual({
      object: "invitation",
      workspace: { name: "Test" },
      email: invited.email,
      name: null,
      role: "agent",
      has_account: false,
      expires_at: invited.invitation.expires_at,
    });
    expect((await look()).status).toBe(200);
    expect((await accept()).status).toBe(200);
  });

  test("makes whoever accepts it a member who is signed in, and tells the audit log in their own name", async () => {
    const { tenant, accept, browser, invited } = await setUp();
    const { status, headers, body } = await accept();
    expect([status, body]).toMatchObject([
      200,
      { user: { name: "Lina", email: invited.email }, workspace: { id: tenant.workspace_id }, member: { id: invited.id, role: "agent" } },
    ]);
    expect((await browser.get("/auth/session")).status).toBe(200);
    const [member] = await rowsOf(tenant, members);
    expect(member).toMatchObject({ status: "active", name: "Lina", invitation_expires_at: null });
    const joined = (await rowsOf(tenant, audit_log)).find(({ action }) => action === "team_member.joined");
    expect(joined).toMatchObject({
      actor_type: "member",
      actor_id: invited.id,
      actor_name: "Lina",
      request_id: headers.get("x-request-id"),
    });
  });

  test("that three accept at once is one's", async () => {
    const { tenant, accept, world, invited } = await setUp();
    const answers = await Promise.all([accept(), accept({ password: "another horse battery" }), accept()]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 410, 410]);
    expect((await rowsOf(tenant, audit_log)).filter(({ action }) => action === "team_member.joined")).toHaveLength(1);
    expect(await world.services.db.select().from(users).where(eq(users.email, invited.email))).toHaveLength(1);
  });

  test("that was used, replaced, withdrawn or made up, or that is over, is answered alike", async () => {
    const { world, tenant, accept, invited, browser } = await setUp();
    const answers = [await accept({ token: "made-up" })];
    const { body: again } = await invite(tenant, { email: invited.email });
    answers.push(await accept());
    expect((await accept({ token: again.invitation.token })).status).toBe(200);
    answers.push(await accept({ token: again.invitation.token }));
    const { body: withdrawn } = await invite(tenant);
    await remove(tenant, withdrawn.id);
    answers.push(await accept({ token: withdrawn.invitation.token }));
    const { body: late } = await invite(tenant);
    world.advance(hours(7 * 24));
    answers.push(await accept({ token: late.invitation.token }));
    for (const { status, body } of answers) {
      expect([status, body.code]).toEqual([410, "invitation_not_valid"]);
      expect({ ...body, request_id: "" }).toEqual({ ...answers[0]!.body, request_id: "" });
    }
    expect((await browser.post<Problem>("/auth/invitation", { token: late.invitation.token })).body.code).toBe("invitation_not_valid");
  });

  test("to somebody who can sign in already is accepted with the password that they have", async () => {
    const { world, accept, browser } = await setUp();
    const second = await world.tenant();
    const email = freshEmail();
    await welcome(world, second, "agent", { email });
    const { body: invited } = await invite(await world.tenant(), { email, role: "viewer", name: "Lina" });
    const { token } = invited.invitation;
    expect((await browser.post("/auth/invitation", { token })).body).toMatchObject({ has_account: true });
    const wrong = await accept({ token, password: "not this password" });
    expect([wrong.status, wrong.body["reason"]]).toEqual([401, "wrong_credentials"]);
    expect((await accept({ token, name: undefined })).body).toMatchObject({ member: { id: invited.id }, user: { email } });
  });

  test("asks for a name where nobody has given one, and for a password of ten characters", async () => {
    const { accept } = await setUp();
    const faults = async (given: object) => (await accept(given)).body.errors?.map(({ pointer, code }) => `${pointer} ${code}`);
    expect(await faults({ name: undefined })).toEqual(["/name required"]);
    expect(await faults({ password: "too short" })).toEqual(["/password too_small"]);
    expect((await accept()).status).toBe(200);
  });

  test("that fails at its audit entry makes nobody, and can be accepted afterwards", async () => {
    const { world, tenant, accept, invited } = await setUp();
    const mend = breakAt(world, "aud");
    expect((await accept()).status).toBe(500);
    expect((await rowsOf(tenant, members))[0]).toMatchObject({ status: "invited" });
    expect(await world.services.db.select().from(users).where(eq(users.email, invited.email))).toEqual([]);
    mend();
    expect((await accept()).status).toBe(200);
  });

  test("is accepted on a page of the portal alone", async () => {
    const { world, invited, accept } = await setUp();
    const page = openBrowser(world, { Origin: "https://evil.example" });
    const { status } = await page.post("/auth/accept_invitation", { token: invited.invitation.token, name: "Lina", password });
    expect(status).toBe(403);
    expect((await accept()).status).toBe(200);
  });
});
