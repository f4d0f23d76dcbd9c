import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { conversation_assignments, conversations } from "../../src/conversations/tables.ts";
import type { Problem } from "../../src/core/errors.ts";
import { hours, msBetween, seconds } from "../../src/core/time.ts";
import { atomically } from "../../src/db/atomically.ts";
import type { TeamMember } from "../../src/team/contract.ts";
import { joinTeam } from "../../src/team/join-team.ts";
import { invitation_digests, members } from "../../src/team/tables.ts";
import type { Ticket } from "../../src/tickets/contract.ts";
import { tickets } from "../../src/tickets/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { database, onPostgres } from "../support/database.ts";
import { openInstances } from "../support/instances.ts";
import { rowsOf } from "../support/rows.ts";
import { freshEmail, invite, join, remove } from "../support/team.ts";
import { breakAt, type Page } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const read = (tenant: Tenant, id: string) => tenant.get<TeamMember>(`/v1/team_members/${id}`);
const patch = <T = TeamMember>(tenant: Tenant, id: string, body: object) => tenant.patch<T>(`/v1/team_members/${id}`, body);
const list = async (tenant: Tenant, query = "") => (await tenant.get<Page<TeamMember>>(`/v1/team_members${query}`)).body.data;
const faults = ({ errors }: Problem) => errors?.map(({ pointer, code }) => `${pointer} ${code}`);
const audited = async (tenant: Tenant) =>
  (await rowsOf(tenant, audit_log)).filter(({ action }) => action.startsWith("team_member.")).toSorted((a, b) => (a.id < b.id ? -1 : 1));

async function withTenant() {
  const world = await createWorld();
  return { world, tenant: await world.tenant() };
}

describe("inviting", () => {
  test("makes a member who has not joined, and shows the invitation this once", async () => {
    const { tenant } = await withTenant();
    const { status, headers, body } = await invite(tenant, { email: "  Lina@Shop.Example ", name: " Lina ", role: "agent" });
    const { invitation, ...member } = body;
    expect([status, headers.get("location")]).toEqual([201, `/v1/team_members/${member.id}`]);
    expect(member).toMatchObject({
      object: "team_member",
      email: "lina@shop.example",
      name: "Lina",
      role: "agent",
      scopes: ["read", "write"],
      status: "invited",
      joined_at: null,
      removed_at: null,
      invitation_expires_at: invitation.expires_at,
    });
    expect(msBetween(member.invited_at, invitation.expires_at)).toBe(hours(7 * 24));
    expect(invitation.url).toBe(`https://api.wassla.test/portal/join#${invitation.token}`);
    expect((await read(tenant, member.id)).body).toEqual(member);
    expect(await list(tenant)).toEqual([member]);
  });

  test("keeps of the token its SHA-256 alone, and tells the audit log who was invited", async () => {
    const { tenant } = await withTenant();
    const { body, headers } = await invite(tenant, { role: "admin" });
    const digest = createHash("sha256").update(body.invitation.token).digest("base64url");
    expect(await rowsOf(tenant, invitation_digests)).toEqual([{ workspace_id: tenant.workspace_id, member_id: body.id, digest }]);
    const entries = await audited(tenant);
    expect(entries).toMatchObject([
      {
        action: "team_member.invited",
        actor_type: "api_key",
        target_id: body.id,
        request_id: headers.get("x-request-id"),
        details: { email: body.email, role: "admin" },
      },
    ]);
    expect(JSON.stringify([entries, await rowsOf(tenant, members)])).not.toContain(body.invitation.token);
  });

  test("somebody again who has not joined is the same member with another invitation", async () => {
    const { world, tenant } = await withTenant();
    const { body: first } = await invite(tenant, { role: "agent", name: "Lina" });
    world.advance(hours(24));
    const { body: second } = await invite(tenant, { email: first.email.toUpperCase(), role: "viewer" });
    expect(second).toMatchObject({ id: first.id, role: "viewer", name: "Lina", status: "invited" });
    expect(second.invitation.token).not.toBe(first.invitation.token);
    expect(second.invitation.expires_at > first.invitation.expires_at).toBe(true);
    expect(await rowsOf(tenant, invitation_digests)).toHaveLength(1);
    expect((await audited(tenant)).map(({ action }) => action)).toEqual(["team_member.invited", "team_member.invited"]);
  });

  test("somebody who was removed brings the same member back", async () => {
    const { tenant } = await withTenant();
    const { body: first } = await invite(tenant);
    await remove(tenant, first.id);
    const { body: second } = await invite(tenant, { email: first.email });
    expect(second).toMatchObject({ id: first.id, status: "invited", removed_at: null });
  });

  test("somebody who is of the team is refused, and changes nothing", async () => {
    const { tenant } = await withTenant();
    const id = await join(tenant);
    const { body: before } = await read(tenant, id);
    const { status, body } = await tenant.post<Problem>("/v1/team_members", { email: before.email, role: "owner" });
    expect([status, faults(body)]).toEqual([400, ["/email already_member"]]);
    expect((await read(tenant, id)).body).toEqual(before);
    expect(await rowsOf(tenant, invitation_digests)).toEqual([]);
  });

  test("one address twice at once makes one member, whose invitation is one of the two", async () => {
    const { tenant } = await withTenant();
    const email = freshEmail();
    const answers = await Promise.all([1, 2, 3].map(() => invite(tenant, { email })));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const [kept] = await rowsOf(tenant, invitation_digests);
    const digests = answers.map(({ body }) => createHash("sha256").update(body.invitation.token).digest("base64url"));
    expect(digests).toContain(kept!.digest);
  });

  test("the same address in two workspaces makes two members", async () => {
    const { world, tenant } = await withTenant();
    const neighbour = await world.tenant();
    const email = freshEmail();
    const [{ body: here }, { body: there }] = [await invite(tenant, { email }), await invite(neighbour, { email })];
    expect(here.id).not.toBe(there.id);
    expect((await list(neighbour)).map(({ id }) => id)).toEqual([there.id]);
  });

  test.each<[string, object, string]>([
    ["no address", { email: undefined }, "/email required"],
    ["what is no address", { email: "lina at shop" }, "/email invalid_format"],
    ["an address of 255 characters", { email: `${"l".repeat(242)}@shop.example` }, "/email too_large"],
    ["no role", { role: undefined }, "/role required"],
    ["a role that there is not", { role: "root" }, "/role not_allowed"],
    ["a blank name", { name: " " }, "/name too_small"],
    ["scopes of its own", { scopes: ["admin"] }, "/scopes unknown_field"],
  ])("with %s is refused by name", async (_, given, fault) => {
    const { tenant } = await withTenant();
    const { status, body } = await tenant.post<Problem>("/v1/team_members", { email: "a@shop.example", role: "agent", ...given });
    expect([status, faults(body)]).toEqual([400, [fault]]);
    expect(await rowsOf(tenant, members)).toEqual([]);
  });

  test("that fails at its audit entry leaves nobody invited", async () => {
    const { world, tenant } = await withTenant();
    breakAt(world, "aud");
    expect((await invite(tenant)).status).toBe(500);
    expect([await rowsOf(tenant, members), await rowsOf(tenant, invitation_digests)]).toEqual([[], []]);
  });
});

test("joining uses the invitation up, once", async () => {
  const { tenant } = await withTenant();
  const { body } = await invite(tenant);
  const joining = () => atomically(tenant.ctx, (tx) => joinTeam(tx, { team_member_id: body.id }));
  const joined = await joining();
  expect(joined).toMatchObject({ status: "active", invitation_expires_at: null, joined_at: joined.updated_at });
  expect(joined).toMatchObject((await read(tenant, body.id)).body);
  expect(await rowsOf(tenant, invitation_digests)).toEqual([]);
  await expect(joining()).rejects.toMatchObject({ code: "not_found" });
  expect((await audited(tenant)).map(({ action }) => action)).toEqual(["team_member.invited", "team_member.joined"]);
});

test("the list is filtered by role and status, the newest first", async () => {
  const { tenant } = await withTenant();
  const owner = await join(tenant, "owner");
  const agent = await join(tenant, "agent");
  const { body: invited } = await invite(tenant, { role: "viewer" });
  const gone = await join(tenant, "agent");
  await remove(tenant, gone);
  const shown = async (query: string) => (await list(tenant, query)).map(({ id }) => id);
  expect(await shown("")).toEqual([gone, invited.id, agent, owner]);
  expect(await shown("?role=agent")).toEqual([gone, agent]);
  expect(await shown("?status=active")).toEqual([agent, owner]);
  expect(await shown("?status=removed&status=invited")).toEqual([gone, invited.id]);
  expect(await shown("?role=agent&role=owner&status=active")).toEqual([agent, owner]);
  expect(await shown("?role=admin")).toEqual([]);
});

test("each role has the scopes that it says", async () => {
  const { tenant } = await withTenant();
  for (const [role, scopes] of [
    ["owner", ["read", "write", "admin"]],
    ["admin", ["read", "write", "admin"]],
    ["agent", ["read", "write"]],
    ["viewer", ["read"]],
  ] as const)
    expect((await invite(tenant, { role })).body.scopes).toEqual(scopes);
});

describe("a member", () => {
  test("is given another name and role; what is so already is no change", async () => {
    const { world, tenant } = await withTenant();
    const id = await join(tenant, "agent", "Lina");
    const { body: before } = await read(tenant, id);
    world.advance(seconds(5));
    expect((await patch(tenant, id, {})).body).toEqual(before);
    expect((await patch(tenant, id, { name: "Lina", role: "agent" })).body).toEqual(before);
    const { body: after } = await patch(tenant, id, { name: " لينا حداد ", role: "admin" });
    expect(after).toEqual({
      ...before,
      name: "لينا حداد",
      role: "admin",
      scopes: ["read", "write", "admin"],
      updated_at: after.updated_at,
    });
    expect((await patch(tenant, id, { name: null })).body.name).toBeNull();
    const entries = (await audited(tenant)).filter(({ action }) => action === "team_member.updated");
    expect(entries.map(({ details }) => details)).toEqual([
      { changed: ["name", "role"], from: { name: "Lina", role: "agent" }, to: { name: "لينا حداد", role: "admin" } },
      { changed: ["name"], from: { name: "لينا حداد" }, to: { name: null } },
    ]);
  });

  test.each<[string, object, string]>([
    ["another address", { email: "new@shop.example" }, "/email unknown_field"],
    ["a status", { status: "active" }, "/status unknown_field"],
    ["no role", { role: null }, "/role invalid_type"],
  ])("is not given %s", async (_, body, fault) => {
    const { tenant } = await withTenant();
    const id = await join(tenant);
    const { status, body: refusal } = await patch<Problem>(tenant, id, body);
    expect(status).toBe(400);
    expect(faults(refusal)![0]!.split(" ")[0]).toBe(fault.split(" ")[0]);
  });

  test("is invited, changed and removed by administrators alone", async () => {
    const { tenant } = await withTenant();
    const id = await join(tenant);
    const { token: key } = await tenant.mint({ scopes: ["read", "write"] });
    const asked = [
      await tenant.post("/v1/team_members", { email: freshEmail(), role: "agent" }, { key }),
      await tenant.patch(`/v1/team_members/${id}`, { name: "Me" }, { key }),
      await tenant.get(`/v1/team_members/${id}`, { method: "DELETE", key }),
    ];
    for (const { status, body } of asked) expect([status, body["required_scope"]]).toEqual([403, "admin"]);
    expect((await tenant.get(`/v1/team_members/${id}`, { key })).status).toBe(200);
  });
});

describe("removing", () => {
  /** A member with one of each: what is open is theirs to lose. */
  async function withWork() {
    const { db, breakNext } = breakable((await database()).db);
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const id = await join(tenant, "agent", "Lina");
    const [open, pending, closed] = [await tenant.hears("One"), await tenant.hears("Two"), await tenant.hears("Three")];
    for (const conversation of [open, pending, closed])
      await tenant.post(`/v1/conversations/${conversation.id}/assign`, { assignee_id: id });
    await tenant.patch(`/v1/conversations/${pending.id}`, { status: "pending" });
    await tenant.post(`/v1/conversations/${closed.id}/close`);
    const make = async (status?: string) => {
      const { body } = await tenant.post<Ticket>("/v1/tickets", { subject: "Refund", assignee_id: id });
      if (status) await tenant.patch(`/v1/tickets/${body.id}`, { status });
      return body.id;
    };
    const made = { open: await make(), resolved: await make("resolved"), closed: await make("closed") };
    const assignees = async () => ({
      conversations: await Promise.all(
        [open, pending, closed].map(async ({ id: one }) => (await tenant.get<Conversation>(`/v1/conversations/${one}`)).body.assignee_id),
      ),
      tickets: await Promise.all(
        [made.open, made.resolved, made.closed].map(async (one) => (await tenant.get<Ticket>(`/v1/tickets/${one}`)).body.assignee_id),
      ),
    });
    return { world, tenant, breakNext, id, open, closed, assignees };
  }

  test("keeps the member for history, and releases what is open", async () => {
    const { tenant, id, open, assignees } = await withWork();
    expect((await remove(tenant, id)).body).toEqual({ id, object: "team_member", deleted: true });
    expect((await read(tenant, id)).body).toMatchObject({ name: "Lina", status: "removed", invitation_expires_at: null });
    expect((await read(tenant, id)).body.removed_at).not.toBeNull();
    expect(await assignees()).toEqual({ conversations: [null, null, id], tickets: [null, null, id] });
    const { body } = await tenant.get<Page<object>>(`/v1/conversations/${open.id}/assignments`);
    expect(body.data).toMatchObject([
      { from_id: id, to_id: null, assigned_by: { type: "api", name: "First key" } },
      { from_id: null, to_id: id },
    ]);
    const entry = (await audited(tenant)).at(-1);
    expect(entry).toMatchObject({ action: "team_member.removed", target_id: id, details: { released: { conversations: 2, tickets: 2 } } });
  });

  test("again changes nothing", async () => {
    const { tenant, id } = await withWork();
    await remove(tenant, id);
    const before = [await rowsOf(tenant, members), await audited(tenant)];
    expect((await remove(tenant, id)).status).toBe(200);
    expect([await rowsOf(tenant, members), await audited(tenant)]).toEqual(before);
  });

  test("ends an invitation", async () => {
    const { tenant } = await withTenant();
    const { body } = await invite(tenant);
    await remove(tenant, body.id);
    expect(await rowsOf(tenant, invitation_digests)).toEqual([]);
  });

  test("takes from a conversation that is reopened later whoever is not of the team any more", async () => {
    const { tenant, id, closed } = await withWork();
    await remove(tenant, id);
    expect((await tenant.post<Conversation>(`/v1/conversations/${closed.id}/reopen`)).body.assignee_id).toBeNull();
    const { body } = await tenant.get<Page<object>>(`/v1/conversations/${closed.id}/assignments`);
    expect(body.data[0]).toMatchObject({ from_id: id, to_id: null });
  });

  test("leaves a conversation that is reopened with whoever still is", async () => {
    const { tenant, id, closed } = await withWork();
    expect((await tenant.post<Conversation>(`/v1/conversations/${closed.id}/reopen`)).body.assignee_id).toBe(id);
  });

  test.each([
    ["the conversations", conversations, "update"],
    ["their history", conversation_assignments, "insert"],
    ["the tickets", tickets, "update"],
    ["the audit log", audit_log, "insert"],
  ] as const)("that fails at %s changes nothing", async (_, table, verb) => {
    const { tenant, id, breakNext, assignees } = await withWork();
    const before = [await rowsOf(tenant, members), await assignees()];
    breakNext(verb, table);
    expect((await remove(tenant, id)).status).toBe(500);
    expect([await rowsOf(tenant, members), await assignees()]).toEqual(before);
  });

  test.skipIf(!onPostgres())("and assigning at once leave nothing open with whoever is gone", async () => {
    const [one, two] = await openInstances(2);
    const tenant = await one!.tenant();
    for (let n = 0; n < 8; n++) {
      const id = await join(tenant);
      const { id: conversation_id } = await tenant.hears(`No ${n}`);
      const answers = await Promise.all([
        two!.request<Problem>(`/v1/conversations/${conversation_id}/assign`, {
          method: "POST",
          key: tenant.api_key,
          body: { assignee_id: id },
        }),
        remove(tenant, id),
      ]);
      expect(answers[1].status).toBe(200);
      expect([200, 400]).toContain(answers[0].status);
      expect((await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`)).body.assignee_id).toBeNull();
    }
  });
});

describe("the last active owner", () => {
  const refused = { status: 409, body: { code: "last_owner" } };

  test("is neither removed nor demoted, whoever else is of the team or invited to own it", async () => {
    const { tenant } = await withTenant();
    const owner = await join(tenant, "owner");
    await join(tenant, "admin");
    await invite(tenant, { role: "owner" });
    const gone = await join(tenant, "owner");
    await remove(tenant, gone);
    const before = [await rowsOf(tenant, members), await audited(tenant)];
    expect(await remove(tenant, owner)).toMatchObject(refused);
    for (const role of ["admin", "agent", "viewer"]) expect(await patch(tenant, owner, { role })).toMatchObject(refused);
    expect([await rowsOf(tenant, members), await audited(tenant)]).toEqual(before);
    expect((await patch(tenant, owner, { role: "owner", name: "Still me" })).status).toBe(200);
  });

  test("may go where another is", async () => {
    const { tenant } = await withTenant();
    const [first, second] = [await join(tenant, "owner"), await join(tenant, "owner")];
    expect((await patch(tenant, first, { role: "agent" })).status).toBe(200);
    expect(await remove(tenant, second)).toMatchObject(refused);
    await patch(tenant, first, { role: "owner" });
    expect((await remove(tenant, second)).status).toBe(200);
  });

  test("of somebody who was only invited to own it is not meant", async () => {
    const { tenant } = await withTenant();
    const { body } = await invite(tenant, { role: "owner" });
    expect((await patch(tenant, body.id, { role: "agent" })).status).toBe(200);
    expect((await remove(tenant, body.id)).status).toBe(200);
  });

  test.skipIf(!onPostgres())("stays, however many owners leave and are demoted at one moment", async () => {
    const worlds = await openInstances(3);
    const tenant = await worlds[0]!.tenant();
    for (let round = 0; round < 5; round++) {
      const owners = await Promise.all([1, 2, 3, 4].map(() => join(tenant, "owner")));
      const answers = await Promise.all(
        owners.map((id, n) =>
          worlds[n % 3]!.request(`/v1/team_members/${id}`, {
            key: tenant.api_key,
            ...(n % 2 === 0 ? { method: "DELETE" } : { method: "PATCH", body: { role: "agent" } }),
          }),
        ),
      );
      const left = await list(tenant, "?role=owner&status=active");
      expect(left).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(3);
      for (const { status } of answers) expect([200, 409]).toContain(status);
    }
  });
});
