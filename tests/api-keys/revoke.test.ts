import { and, eq, type SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { expect, test } from "vitest";
import { api_keys } from "../../src/api-keys/tables.ts";
import { audit_log } from "../../src/audit/tables.ts";
import type { Db } from "../../src/core/context.ts";
import { minutes } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import { database } from "../support/database.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const audited = (tenant: Tenant, action: string) =>
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
