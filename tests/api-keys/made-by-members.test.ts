import { describe, expect, test } from "vitest";
import { api_keys } from "../../src/api-keys/tables.ts";
import { audit_log } from "../../src/audit/tables.ts";
import type { Problem } from "../../src/core/errors.ts";
import { after, hours } from "../../src/core/time.ts";
import { neverTell } from "../support/leaks.ts";
import { welcome } from "../support/members.ts";
import { rowsOf } from "../support/rows.ts";
import { breakAt } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  return { world, tenant, ...(await welcome(world, tenant, "admin")) };
}

const problem = (code: string) => ({ data: { problem: { code } } });
const faults = (thrown: unknown) =>
  (thrown as { data: { problem: Problem } }).data.problem.errors?.map(({ pointer, code }) => `${pointer} ${code}`);

describe("a member who administers", () => {
  test("makes a key that works, whose secret is shown this once and whose maker is known", async () => {
    const { world, tenant, client, id } = await setUp();
    const expires_at = after(world.now(), hours(1));
    const { token, ...made } = await client.apiKeys.create.mutate({
      name: " CRM ",
      scopes: ["read"],
      rate_limit_per_minute: 30,
      expires_at,
    });
    neverTell(token);
    const created_by = { type: "team_member", id, name: "Lina Haddad" };
    expect(made).toMatchObject({ name: "CRM", scopes: ["read"], rate_limit_per_minute: 30, expires_at, status: "active", created_by });
    expect((await tenant.get("/v1/me", { key: token })).body).toMatchObject({ api_key: { id: made.id } });
    expect(await client.apiKeys.get.query({ api_key_id: made.id })).toEqual({ ...made, last_used_at: null });
    const kept = JSON.stringify([await rowsOf(tenant, api_keys), await rowsOf(tenant, audit_log)]);
    expect(kept).not.toContain(token);
    const entry = (await rowsOf(tenant, audit_log)).find(({ target_id }) => target_id === made.id);
    expect(entry).toMatchObject({
      action: "api_key.created",
      actor_type: "member",
      actor_id: id,
      details: { name: "CRM", prefix: made.prefix, scopes: ["read"], rate_limit_per_minute: 30, expires_at },
    });
  });

  test("gives a key another name, scopes and limit, from its next request on", async () => {
    const { tenant, client, id } = await setUp();
    const { token, id: api_key_id } = await client.apiKeys.create.mutate({ name: "CRM", scopes: ["read", "admin"] });
    expect((await tenant.get("/v1/api_keys", { key: token })).status).toBe(200);
    const updated = await client.apiKeys.update.mutate({ api_key_id, name: "Reports", scopes: ["read"] });
    expect(updated).toMatchObject({ name: "Reports", scopes: ["read"] });
    expect((await tenant.get("/v1/api_keys", { key: token })).status).toBe(403);
    const entries = (await rowsOf(tenant, audit_log)).filter(({ action }) => action === "api_key.updated");
    expect(entries).toMatchObject([
      {
        target_id: api_key_id,
        actor_id: id,
        details: {
          changed: ["name", "scopes"],
          from: { name: "CRM", scopes: ["read", "admin"] },
          to: { name: "Reports", scopes: ["read"] },
        },
      },
    ]);
    expect(await client.apiKeys.update.mutate({ api_key_id, name: "Reports" })).toEqual(updated);
    expect((await rowsOf(tenant, audit_log)).filter(({ action }) => action === "api_key.updated")).toHaveLength(1);
  });

  test("is told what is wrong with a key that nobody could use", async () => {
    const { world, client } = await setUp();
    const refusalOf = (input: object) => client.apiKeys.create.mutate({ name: "CRM", scopes: ["read"], ...input }).catch(faults);
    expect(await refusalOf({ scopes: [] })).toEqual(["/scopes too_small"]);
    expect(await refusalOf({ name: " " })).toEqual(["/name too_small"]);
    expect(await refusalOf({ rate_limit_per_minute: 0 })).toEqual(["/rate_limit_per_minute too_small"]);
    expect(await refusalOf({ expires_at: after(world.now(), -hours(1)) })).toEqual(["/expires_at too_small"]);
    expect(await refusalOf({ expires_at: "9999-12-31T23:59:59-15:59" })).toEqual(["/expires_at too_large"]);
  });

  test("makes a key that expires with the last moment there is", async () => {
    const { tenant, client } = await setUp();
    const expires_at = "9999-12-31T23:59:59.9999999Z";
    const { token, ...made } = await client.apiKeys.create.mutate({ name: "CRM", scopes: ["read"], expires_at });
    neverTell(token);
    expect(made).toMatchObject({ expires_at: "9999-12-31T23:59:59.999Z", status: "active" });
    expect((await tenant.get("/v1/me", { key: token })).body).toMatchObject({ api_key: { expires_at: made.expires_at } });
  });

  test("finds no key of another workspace: foreign, missing and malformed ids look alike", async () => {
    const { world, client } = await setUp();
    const other = await world.tenant();
    const [foreign] = await rowsOf(other, api_keys);
    for (const api_key_id of [foreign!.id, "key_01m7x0q4w6e8r9t2y3v5n7b1c4", "key_none"] as const) {
      await expect(client.apiKeys.update.mutate({ api_key_id, name: "Mine" })).rejects.toMatchObject(problem("not_found"));
    }
    expect((await rowsOf(other, api_keys))[0]).toEqual(foreign);
  });

  test("makes no key whose audit entry cannot be written", async () => {
    const { world, tenant, client } = await setUp();
    breakAt(world, "aud");
    await expect(client.apiKeys.create.mutate({ name: "CRM", scopes: ["read"] })).rejects.toMatchObject(problem("internal_error"));
    expect(await rowsOf(tenant, api_keys)).toHaveLength(1);
  });
});

test("who removes whoever made keys is told which of them still work", async () => {
  const { world, tenant, client, id } = await setUp();
  const make = (given: object = {}) => client.apiKeys.create.mutate({ name: "CRM", scopes: ["read"], ...given });
  const [works, revoked, over] = [await make(), await make(), await make({ expires_at: after(world.now(), hours(1)) })];
  for (const { token } of [works, revoked, over]) neverTell(token);
  await client.apiKeys.revoke.mutate({ api_key_id: revoked.id });
  world.advance(hours(2));
  expect((await tenant.delete(`/v1/team_members/${id}`)).status).toBe(200);
  const removed = (await rowsOf(tenant, audit_log)).find(({ action }) => action === "team_member.removed");
  expect(removed).toMatchObject({ target_id: id, details: { role: "admin", api_keys: [works.id] } });
  expect((await tenant.get("/v1/me", { key: works.token })).status).toBe(200);
});

test("a key makes no successor and widens none, whatever its scopes", async () => {
  const { world, tenant } = await setUp();
  const [key] = await rowsOf(tenant, api_keys);
  const attempts: [string, object][] = [
    ["apiKeys.create", { name: "Successor", scopes: ["admin"] }],
    ["apiKeys.update", { api_key_id: key!.id, scopes: ["read", "write", "admin"], rate_limit_per_minute: 6000 }],
  ];
  for (const [procedure, body] of attempts) {
    const { status, body: refused } = await world.request<{ error: { data: { problem: Problem } } }>(`/trpc/${procedure}`, {
      method: "POST",
      key: tenant.api_key,
      body,
    });
    expect([status, refused.error.data.problem]).toMatchObject([403, { code: "forbidden", required_scope: "member" }]);
  }
  expect(await rowsOf(tenant, api_keys)).toEqual([key]);
});

test.each(["agent", "viewer"] as const)("a member of the role %s makes none either", async (role) => {
  const { world, tenant } = await setUp();
  const { client } = await welcome(world, tenant, role);
  await expect(client.apiKeys.create.mutate({ name: "Mine", scopes: ["read"] })).rejects.toMatchObject(problem("forbidden"));
});

test("over REST no key is made: there is no such route", async () => {
  const { tenant } = await setUp();
  expect((await tenant.post("/v1/api_keys", { name: "Successor", scopes: ["admin"] })).status).toBe(405);
});
