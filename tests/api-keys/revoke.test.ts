import { and, eq, type SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { expect, test } from "vitest";
import { api_key_digests, api_keys } from "../../src/api-keys/tables.ts";
import type { AuditedAction } from "../../src/audit/contract.ts";
import { audit_log } from "../../src/audit/tables.ts";
import type { Db } from "../../src/core/context.ts";
import { minutes } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import { breakable, watching } from "../support/breakable-db.ts";
import { database, onPostgres } from "../support/database.ts";
import { openInstances } from "../support/instances.ts";
import { rowsOf } from "../support/rows.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const audited = (tenant: Tenant, action: AuditedAction) =>
  tenant.ctx.db
    .select()
    .from(audit_log)
    .where(and(mine(tenant.ctx, audit_log), eq(audit_log.action, action)));

test("a revoked key is refused by its very next request, and the audit log says who, which and when", async () => {
  const tenant = await (await createWorld()).tenant();
  const { id, token } = await tenant.mint();
  expect((await tenant.get("/v1/me", { key: token })).status).toBe(200);
  const { body } = await tenant.post(`/v1/api_keys/${id}/revoke`);
  expect(body).toMatchObject({ id, status: "revoked" });
  expect(await tenant.get("/v1/me", { key: token })).toMatchObject({ status: 401, body: { reason: "revoked_token" } });

  const me = (await tenant.get<{ api_key: { id: string } }>("/v1/me")).body.api_key.id;
  const [row] = await audited(tenant, "api_key.revoked");
  expect(row).toMatchObject({ actor_type: "api_key", actor_id: me, target_id: id });
  expect(row!.created_at >= String(body["revoked_at"])).toBe(true);
});

test("revoking twice changes nothing and is told once", async () => {
  const tenant = await (await createWorld()).tenant();
  const { id } = await tenant.mint();
  const first = await tenant.post(`/v1/api_keys/${id}/revoke`);
  expect((await tenant.post(`/v1/api_keys/${id}/revoke`)).body).toEqual(first.body);
  expect(await audited(tenant, "api_key.revoked")).toHaveLength(1);
});

test("a key can end itself, whatever its scopes", async () => {
  const tenant = await (await createWorld()).tenant();
  const { id, token } = await tenant.mint({ scopes: ["read"] });
  expect((await tenant.post(`/v1/api_keys/${id}/revoke`, undefined, { key: token })).status).toBe(403);
  expect(await tenant.post("/v1/api_keys/current/revoke", undefined, { key: token })).toMatchObject({
    status: 200,
    body: { id, status: "revoked" },
  });
  expect((await tenant.get("/v1/me", { key: token })).status).toBe(401);
  expect((await tenant.get("/v1/me")).status).toBe(200);
});

test("a key that ended itself is in the audit log as its own end, and ends once", async () => {
  const tenant = await (await createWorld()).tenant();
  const { id, token } = await tenant.mint({ scopes: ["write"] });
  const end = () => tenant.post("/v1/api_keys/current/revoke", undefined, { key: token });
  expect((await end()).status).toBe(200);
  expect(await end()).toMatchObject({ status: 401, body: { reason: "revoked_token" } });
  expect(await audited(tenant, "api_key.revoked")).toMatchObject([{ actor_type: "api_key", actor_id: id, target_id: id }]);
});

test.each([
  ["the audit entry", "insert", audit_log],
  ["the key", "update", api_keys],
] as const)("a revocation of which %s cannot be written has not happened", async (_, verb, table) => {
  const { db, breakNext } = breakable((await database()).db);
  const tenant = await (await createWorld({ db })).tenant();
  const { id, token } = await tenant.mint();
  breakNext(verb, table);
  expect((await tenant.post(`/v1/api_keys/${id}/revoke`)).status).toBe(500);
  expect((await tenant.get("/v1/me", { key: token })).status, "it still works").toBe(200);
  expect(await audited(tenant, "api_key.revoked")).toEqual([]);

  expect((await tenant.post(`/v1/api_keys/${id}/revoke`)).status, "and the next time it is").toBe(200);
  expect(await audited(tenant, "api_key.revoked")).toHaveLength(1);
});

test.each([
  ["its audit entry", audit_log],
  ["its digest", api_key_digests],
])("a key that is made without %s is not made", async (_, table) => {
  const { db, breakNext } = breakable((await database()).db);
  const tenant = await (await createWorld({ db })).tenant();
  const before = { keys: await rowsOf(tenant, api_keys), entries: await rowsOf(tenant, audit_log) };
  breakNext("insert", table);
  await expect(tenant.mint()).rejects.toThrow("the test broke this statement");
  expect({ keys: await rowsOf(tenant, api_keys), entries: await rowsOf(tenant, audit_log) }).toEqual(before);
  expect(await rowsOf(tenant, api_key_digests)).toHaveLength(1);
});

test.skipIf(!onPostgres())(
  "what one instance revokes, another refuses at the very next request, and those that are asked at once",
  async () => {
    const [here, there] = await openInstances(2);
    const tenant = await here!.tenant();
    const { id, token } = await tenant.mint({ rate_limit_per_minute: 1000 });
    const ask = async () => (await there!.request("/v1/me", { key: token })).status;
    expect(await Promise.all(Array.from({ length: 10 }, ask))).toEqual(Array(10).fill(200));
    expect((await tenant.post(`/v1/api_keys/${id}/revoke`)).status).toBe(200);
    expect(await Promise.all(Array.from({ length: 10 }, ask))).toEqual(Array(10).fill(401));
  },
);

test("a list of keys holds no secret and shows which still work", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const expiring = await tenant.mint({ expires_at: world.now() });
  const { body } = await tenant.get<{ data: { id: string; status: string }[] }>("/v1/api_keys");
  expect(body.data.map(({ status }) => status)).toEqual(["expired", "active"]);
  expect(JSON.stringify(body)).not.toContain(expiring.token.slice(20));
});

test("the last use of keys is written once a minute, for all of them at once, and at the end", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id, token } = await tenant.mint();
  const lastUsed = async () => (await tenant.ctx.db.select().from(api_keys).where(eq(api_keys.id, id)))[0]!.last_used_at;

  await tenant.get("/v1/me", { key: token });
  expect(await lastUsed()).toBeNull();
  world.advance(minutes(1));
  const before = world.now();
  await tenant.get("/v1/me", { key: token });
  await expect.poll(lastUsed).not.toBeNull();
  expect((await lastUsed())! >= before).toBe(true);

  await tenant.get("/v1/me", { key: token });
  const at = world.now();
  await world.last_used.write();
  expect((await lastUsed())! <= at).toBe(true);
});

test("the last uses of many keys are one statement, and a request writes none of them", async () => {
  const { db, statements } = await openWatchedDatabase();
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  const keys = await Promise.all(Array.from({ length: 5 }, () => tenant.mint()));
  const writes = () => statements.filter((statement) => statement.includes("last_used_at ="));
  for (const { token } of [...keys, ...keys]) await tenant.get("/v1/me", { key: token });
  expect(writes()).toEqual([]);
  await world.last_used.write();
  expect(writes()).toHaveLength(1);
  const used = (await rowsOf(tenant, api_keys)).filter(({ last_used_at }) => last_used_at !== null).map(({ id }) => id);
  expect(used.toSorted()).toEqual(keys.map(({ id }) => id).toSorted());
});

test("a last use that cannot be written is a warning, and no request's fault", async () => {
  const world = await createWorld({ db: refusing((await database()).db, "last_used_at") });
  const tenant = await world.tenant();
  world.advance(minutes(2));
  expect((await tenant.get("/v1/me")).status).toBe(200);
  await expect.poll(() => world.logged).toMatchObject([{ level: "warn" }]);
});

test("what remains of the limits is told for free", async () => {
  const tenant = await (await createWorld()).tenant();
  const { token } = await tenant.mint({ rate_limit_per_minute: 3 });
  const remaining = async () => {
    const { body } = await tenant.get<{ windows: { scope: string; remaining: number }[] }>("/v1/rate_limit", { key: token });
    return body.windows.find(({ scope }) => scope === "key")!.remaining;
  };
  expect([await remaining(), await remaining()]).toEqual([3, 3]);
  await tenant.get("/v1/me", { key: token });
  expect(await remaining()).toBe(2);
  for (let i = 0; i < 2; i++) await tenant.get("/v1/me", { key: token });
  expect(await remaining()).toBe(0);
  expect((await tenant.get("/v1/me", { key: token })).status).toBe(429);
});

/** A database that fails every statement in which this stands. */
const refusing = (db: Db, text: string): Db =>
  new Proxy(db, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (key !== "execute") return member;
      return (statement: SQL): unknown =>
        new PgDialect().sqlToQuery(statement).sql.includes(text) ? Promise.reject(new Error("gone")) : target.execute(statement);
    },
  });

test("when the last use of keys cannot be written it is written the next time", async () => {
  let is_broken = false;
  const db = watching((await database()).db, (text) => {
    if (is_broken && text.includes("last use of keys")) throw new Error("the test broke this statement");
  });
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  await tenant.get("/v1/me");
  is_broken = true;
  await expect(world.last_used.write()).rejects.toThrow();
  is_broken = false;
  await world.last_used.write();
  const { body } = await tenant.get<{ data: { last_used_at: string | null }[] }>("/v1/api_keys");
  expect(body.data[0]!.last_used_at).not.toBeNull();
});
