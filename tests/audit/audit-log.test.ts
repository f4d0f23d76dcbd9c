import { connect, type Socket } from "node:net";
import { sql } from "drizzle-orm";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { AuditEntry } from "../../src/audit/contract.ts";
import { audit_log } from "../../src/audit/tables.ts";
import { createWasslaClient } from "../../src/client.ts";
import type { Page } from "../../src/core/page.ts";
import { after, hours, minutes, seconds } from "../../src/core/time.ts";
import { query } from "../../src/db/query.ts";
import { openServer } from "../../src/http/open-server.ts";
import { onPostgres } from "../support/database.ts";
import { rowsOf } from "../support/rows.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { listen } from "../support/wire.ts";
import { database } from "../support/database.ts";
import { watching } from "../support/breakable-db.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function setUp(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld(options);
  return { world, tenant: await world.tenant() };
}

const list = async (tenant: Tenant, filters = "") => (await tenant.get<Page<AuditEntry>>(`/v1/audit_log${filters}`)).body;
const exported = async (tenant: Tenant, filters = "") => (await tenant.get<AuditEntry[]>(`/v1/audit_log/export${filters}`)).body;
const actionsOf = (entries: AuditEntry[]) => entries.map(({ action }) => action);

/** So many entries, a second apart, the last of them now. */
async function leaveEntries({ ctx }: Tenant, count: number): Promise<void> {
  const now = ctx.now();
  await ctx.db.execute(sql`
    insert into audit_log (workspace_id, id, actor_type, actor_id, actor_name, action, target_id, details, request_id, created_at)
    select ${sql.param(ctx.workspace_id, audit_log.workspace_id)}::uuid,
      (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n), 19, '0'))::uuid,
      'system', null, 'Wassla', 'webhook_secret.rotated', null, jsonb_build_object('number', n, 'filler', repeat('x', 200)), 'req_test', at
    from (select n, ${now}::timestamptz - make_interval(secs => ${count}::int - n) as at from generate_series(1, ${count}::int) as n) as made`);
}

test("an entry says who did what to what, when and by which request, and keeps no more of it", async () => {
  const { tenant } = await setUp();
  const { headers } = await tenant.patch("/v1/workspace/settings", { timezone: "Africa/Cairo" });
  const [entry] = (await list(tenant)).data;
  const [key] = (await tenant.get<Page<{ id: string; name: string }>>("/v1/api_keys")).body.data;
  expect(entry).toEqual({
    id: expect.stringMatching(/^aud_/) as unknown,
    object: "audit_entry",
    action: "workspace.updated",
    actor_type: "api_key",
    actor_id: key!.id,
    actor_name: key!.name,
    target_id: tenant.workspace_id,
    details: { changed: ["timezone"], from: { timezone: "UTC" }, to: { timezone: "Africa/Cairo" } },
    request_id: headers.get("x-request-id"),
    created_at: expect.any(String) as unknown,
  });
});

test("it is read by filters, alone and together, as a list and as an export", async () => {
  const { world, tenant } = await setUp();
  const begun = world.now();
  world.advance(hours(1));
  const { id } = await tenant.mint();
  await tenant.post(`/v1/api_keys/${id}/revoke`);
  const [revoked] = (await list(tenant)).data;
  const { actor_id, created_at } = revoked!;

  const cases: [string, string[]][] = [
    [`target_id=${id}`, ["api_key.revoked", "api_key.created"]],
    [`target_id=${id}&actor_id=${actor_id}`, ["api_key.revoked"]],
    [`target_id=${id}&actor_type=system`, ["api_key.created"]],
    [`action=api_key.revoked&action=workspace.created`, ["api_key.revoked", "workspace.created"]],
    [`created_after=${after(begun, minutes(30))}`, ["api_key.revoked", "api_key.created"]],
    [`created_after=${created_at}`, []],
    [`created_before=${created_at}&target_id=${id}`, ["api_key.created"]],
    ["created_before=1970-01-01T00:00:00Z", []],
    ["created_after=9999-12-31T23:59:59Z", []],
    ["target_id=nobody", []],
  ];
  for (const [filters, actions] of cases) {
    expect(actionsOf((await list(tenant, `?${filters}`)).data), filters).toEqual(actions);
    expect(actionsOf(await exported(tenant, `?${filters}`)), filters).toEqual(actions);
  }
});

test("an action that nobody ever records is no filter", async () => {
  const { tenant } = await setUp();
  expect(await tenant.get("/v1/audit_log?action=key.stolen")).toMatchObject({ status: 400, body: { errors: [{ pointer: "/action/0" }] } });
});

test("nobody reads another workspace's", async () => {
  const { world, tenant } = await setUp();
  const neighbour = await world.tenant();
  await tenant.mint();
  const ours = new Set((await rowsOf(tenant, audit_log)).map(({ id }) => id));
  for (const entry of [...(await list(neighbour, "?limit=100")).data, ...(await exported(neighbour))]) expect(ours).not.toContain(entry.id);
});

test.each([
  ["changed", sql`update audit_log set actor_name = 'Nobody'`],
  ["taken away", sql`delete from audit_log`],
  ["emptied", sql`truncate audit_log`],
])("the database itself refuses that it is %s", async (_, statement) => {
  const { tenant } = await setUp();
  const before = await rowsOf(tenant, audit_log);
  await expect(tenant.ctx.db.execute(statement)).rejects.toMatchObject({ cause: { message: "the audit log is only ever added to" } });
  expect(await rowsOf(tenant, audit_log)).toEqual(before);
});

describe("an export", () => {
  test("has every entry once, the newest first, one a line", async () => {
    const { tenant } = await setUp();
    await leaveEntries(tenant, 1200);
    const response = await tenant.get<AuditEntry[]>("/v1/audit_log/export");
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    const ids = response.body.map(({ id }) => id);
    expect(ids).toEqual(
      (await rowsOf(tenant, audit_log))
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
  });

  test("of nothing is empty", async () => {
    const { tenant } = await setUp();
    expect(await exported(tenant, "?target_id=nobody")).toEqual([]);
  });

  test("of 20,000 entries goes only as fast as it is read, and loses none", async () => {
    const { db, statements } = await openWatchedDatabase();
    const { world, tenant } = await setUp({ db });
    await leaveEntries(tenant, 20_000);
    const portions = () => statements.filter((statement) => statement.includes('from "audit_log"')).length;
    const socket = await ask(world, tenant);
    const before = process.memoryUsage().arrayBuffers;

    // Nobody reads: what the sockets between them hold is all that is made.
    await settled(portions);
    expect(portions()).toBeLessThan(20);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);

    const body = await readSlowly(socket);
    const numbers = Array.from(body.matchAll(/"number":(\d+)/g), ([, n]) => Number(n));
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, at) => 20_000 - at));
    expect(body).toMatch(/\r\n0\r\n\r\n$/);
    expect(portions()).toBeGreaterThanOrEqual(40);
  }, 120_000);

  test("that is given up is made no further", async () => {
    const { db, statements } = await openWatchedDatabase();
    const { world, tenant } = await setUp({ db });
    await leaveEntries(tenant, 20_000);
    const socket = await ask(world, tenant);
    const portions = () => statements.filter((statement) => statement.includes('from "audit_log"')).length;
    await settled(portions);
    const made = portions();
    socket.destroy();
    await settled(portions);
    expect(portions() - made).toBeLessThan(3);
    expect(world.logged, "nobody's error").toEqual([]);
  }, 120_000);

  test("that is given up while more is looked for is nobody's error", async () => {
    const held = { by: undefined as Promise<void> | undefined, begun: false };
    const db = watching((await database()).db, (statement) => {
      if (!held.by || !statement.includes('from "audit_log"')) return undefined;
      held.begun = true;
      return held.by;
    });
    const { world, tenant } = await setUp({ db });
    await leaveEntries(tenant, 2000);
    const { body } = await world.app.request("/v1/audit_log/export", { headers: { Authorization: `Bearer ${tenant.api_key}` } });
    const reader = body!.getReader();
    await reader.read();
    let find = () => {};
    held.by = new Promise((resolve) => (find = resolve));
    const next = reader.read();
    await vi.waitFor(() => expect(held.begun).toBe(true));
    const given_up = reader.cancel();
    find();
    await given_up;
    expect((await next).done).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.logged).toEqual([]);
  });

  test("that fails before it begins is a problem, and one that fails later breaks off where everybody sees it", async () => {
    const { db } = await openWatchedDatabase();
    const { world, tenant } = await setUp({ db });
    await leaveEntries(tenant, 2000);
    const response = await world.app.request("/v1/audit_log/export", { headers: { Authorization: `Bearer ${tenant.api_key}` } });
    const reader = response.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    await db.execute(sql`alter table audit_log rename to audit_log_elsewhere`);
    await expect(async () => {
      while (!(await reader.read()).done);
    }).rejects.toThrow();
    expect(world.logged).toContainEqual(expect.objectContaining({ level: "error", message: "an export broke off" }));
    expect(await tenant.get("/v1/audit_log/export")).toMatchObject({ status: 500, body: { code: "internal_error" } });
  });

  test("comes to the typed client in portions, which it reads in the midst of other calls", async () => {
    const { tenant, client } = await setUpClient();
    await leaveEntries(tenant, 1200);
    const [portions, me] = await Promise.all([client.auditLog.export.query({}), client.me.get.query({})]);
    expect(me.workspace.id).toBe(tenant.workspace_id);
    const lengths: number[] = [];
    const entries: AuditEntry[] = [];
    for await (const portion of portions) {
      lengths.push(portion.length);
      entries.push(...portion);
    }
    expect(lengths.length).toBeGreaterThan(1);
    expect(entries).toEqual(await exported(tenant));
  });

  test("that is refused the typed client, or breaks off, is a refusal that says no more than any other", async () => {
    const { db } = await openWatchedDatabase();
    const { world, tenant, client, clientOf } = await setUpClient({ db });
    await leaveEntries(tenant, 20_000);
    const { token } = await tenant.mint({ scopes: ["read"] });
    await expect(clientOf(token).auditLog.export.query({})).rejects.toMatchObject({
      data: { httpStatus: 403, problem: { code: "forbidden", required_scope: "admin" } },
    });

    const portions = await client.auditLog.export.query({});
    const reader = portions[Symbol.asyncIterator]();
    expect((await reader.next()).done).not.toBe(true);
    await db.execute(sql`alter table audit_log rename to audit_log_elsewhere`);
    const broken = await readOn(reader).catch((error: unknown) => error);
    expect(broken).toMatchObject({ message: "The fault is ours.", data: { httpStatus: 500, problem: { code: "internal_error" } } });
    expect(JSON.stringify(broken)).not.toContain("audit_log");
    expect(world.logged).toContainEqual(expect.objectContaining({ level: "error", message: "request failed" }));
  });

  test("is not for batches whose answer is whole, which are told so", async () => {
    const { world, tenant } = await setUp();
    const answer = await world.request("/trpc/auditLog.export?input=%7B%7D", { key: tenant.api_key });
    expect(answer).toMatchObject({ status: 415, body: { error: { data: { problem: { code: "unsupported_media_type" } } } } });
  });
});

async function readOn(reader: AsyncIterator<unknown>): Promise<void> {
  while (!(await reader.next()).done);
}

/** The typed client on a real connection. */
async function setUpClient(options: Parameters<typeof createWorld>[0] = {}) {
  const { world, tenant } = await setUp(options);
  const { url } = await listen(world);
  const clientOf = (key: string) => createWasslaClient({ url, headers: { Authorization: `Bearer ${key}` } });
  return { world, tenant, clientOf, client: clientOf(tenant.api_key) };
}

test.skipIf(!onPostgres())("a page deep in time is read from an index", async () => {
  const { db, statements } = await openWatchedDatabase();
  const { world, tenant } = await setUp({ db });
  await leaveEntries(tenant, 20_000);
  await db.execute(sql`analyze audit_log`);
  statements.length = 0;
  await list(tenant, `?created_before=${after(world.now(), -seconds(15_000))}&limit=5`);
  await list(tenant, `?target_id=${tenant.workspace_id}`);
  const asked = statements.filter((statement) => statement.includes('from "audit_log"'));
  expect(asked).toHaveLength(2);
  for (const statement of asked) {
    const rows = await query<{ "QUERY PLAN": string }>(db, sql.raw(`explain (generic_plan, costs off) ${statement}`));
    expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).not.toMatch(/Seq Scan/);
  }
});

/** Asks for the export over a connection that reads nothing yet. */
async function ask({ app, services }: Awaited<ReturnType<typeof createWorld>>, tenant: Tenant): Promise<Socket> {
  const server = await openServer(app, services, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => server.close(0));
  const socket = connect(server.port, "127.0.0.1").pause();
  onTestFinished(() => void socket.destroy());
  socket.write(
    `GET /v1/audit_log/export?action=webhook_secret.rotated HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer ${tenant.api_key}\r\n\r\n`,
  );
  return socket;
}

/** Waits until a number has stopped growing. */
async function settled(count: () => number): Promise<void> {
  for (let before = -1; before !== count();) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

/** A piece, a pause, a piece. */
async function readSlowly(socket: Socket): Promise<string> {
  let text = "";
  let pieces = 0;
  for await (const piece of socket.setEncoding("utf8")) {
    text += String(piece);
    if (++pieces % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return text;
}
