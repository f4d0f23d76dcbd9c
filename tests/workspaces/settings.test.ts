import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { hours } from "../../src/core/time.ts";
import { events } from "../../src/webhooks/tables.ts";
import type { Workspace, WorkspaceSettings } from "../../src/workspaces/contract.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { database } from "../support/database.ts";
import { rowsOf } from "../support/rows.ts";
import { roomInMinute } from "../support/windows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function setUp() {
  const world = await createWorld();
  return { world, tenant: await world.tenant() };
}

const read = async (tenant: Tenant) => (await tenant.get<WorkspaceSettings>("/v1/workspace/settings")).body;
const change = <T = WorkspaceSettings>(tenant: Tenant, body: unknown, headers: Record<string, string> = {}) =>
  tenant.patch<T>("/v1/workspace/settings", body, { headers });
const recorded = async (tenant: Tenant) => (await rowsOf(tenant, audit_log)).filter(({ action }) => action === "workspace.updated");

test("a new workspace has decided nothing yet", async () => {
  const { tenant } = await setUp();
  expect(await read(tenant)).toEqual({
    object: "workspace_settings",
    name: "Test",
    timezone: "UTC",
    inactivity_timeout_minutes: null,
    default_handler_mode: "unassigned",
    sentiment_enabled: true,
    api_rate_limit_per_minute: 600,
    whatsapp_templates: "anytime",
    event_retention_days: 30,
    agent: { name: "Assistant", instructions: null, language: null },
    updated_at: expect.any(String) as unknown,
  });
});

test("the workspace says what it is called, to whoever may read", async () => {
  const { tenant } = await setUp();
  await change(tenant, { name: "Nile Flowers", timezone: "Africa/Cairo" });
  const { token } = await tenant.mint({ scopes: ["read"] });
  const { status, body } = await tenant.get<Workspace>("/v1/workspace", { key: token });
  expect(status).toBe(200);
  expect(body).toMatchObject({ id: tenant.workspace_id, object: "workspace", name: "Nile Flowers", timezone: "Africa/Cairo" });
  expect(Object.keys(body).toSorted()).toEqual(["created_at", "id", "name", "object", "timezone", "updated_at"]);
});

test("what is named changes, also inside of the agent, and the rest stays", async () => {
  const { world, tenant } = await setUp();
  const before = await read(tenant);
  world.advance(1000);
  const { status, body } = await change(tenant, { inactivity_timeout_minutes: 90, agent: { name: "Nour", language: "ar" } });
  expect(status).toBe(200);
  const agent = { name: "Nour", instructions: null, language: "ar" };
  expect(body).toEqual({ ...before, inactivity_timeout_minutes: 90, agent, updated_at: body.updated_at });
  expect(body.updated_at > before.updated_at).toBe(true);
  expect(await read(tenant)).toEqual(body);
  const { body: again } = await change(tenant, { inactivity_timeout_minutes: null, agent: { language: null } });
  expect(again).toMatchObject({ inactivity_timeout_minutes: null, agent: { name: "Nour", instructions: null, language: null } });
});

test("the audit log has who changed what, from what and to what", async () => {
  const { tenant } = await setUp();
  await change(tenant, { timezone: "Asia/Kolkata", sentiment_enabled: false });
  const [entry, ...others] = await recorded(tenant);
  expect(others).toEqual([]);
  expect(entry).toMatchObject({
    actor_type: "api_key",
    target_id: tenant.workspace_id,
    details: {
      changed: ["timezone", "sentiment_enabled"],
      from: { timezone: "UTC", sentiment_enabled: true },
      to: { timezone: "Asia/Kolkata", sentiment_enabled: false },
    },
  });
});

test.each([
  ["an empty body", {}],
  ["what is so already", { name: "Test", timezone: "UTC", agent: { name: "Assistant" }, event_retention_days: 30 }],
])("%s changes nothing and is not recorded", async (_, body) => {
  const { world, tenant } = await setUp();
  const before = await read(tenant);
  world.advance(1000);
  expect(await change(tenant, body)).toMatchObject({ status: 200, body: before });
  expect(await recorded(tenant)).toEqual([]);
});

test.each(["UTC", "Africa/Cairo", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5", "Asia/Kolkata"])(
  "%s is a time zone, and stays called so",
  async (timezone) => {
    const { tenant } = await setUp();
    expect(await change(tenant, { timezone })).toMatchObject({ status: 200, body: { timezone } });
  },
);

describe("is refused, names the field, and changes nothing", () => {
  test.each([
    ["/timezone", "invalid_timezone", { timezone: "Mars/Olympus" }],
    ["/timezone", "invalid_timezone", { timezone: "+02:00" }],
    ["/timezone", "invalid_timezone", { timezone: "europe/paris" }],
    ["/timezone", "invalid_timezone", { timezone: "" }],
    ["/name", "too_small", { name: "  " }],
    ["/name", "invalid_type", { name: null }],
    ["/inactivity_timeout_minutes", "too_small", { inactivity_timeout_minutes: 0 }],
    ["/inactivity_timeout_minutes", "too_large", { inactivity_timeout_minutes: 43_201 }],
    ["/inactivity_timeout_minutes", "invalid_type", { inactivity_timeout_minutes: 1.5 }],
    ["/default_handler_mode", "not_allowed", { default_handler_mode: "robot" }],
    ["/sentiment_enabled", "invalid_type", { sentiment_enabled: "yes" }],
    ["/api_rate_limit_per_minute", "too_small", { api_rate_limit_per_minute: 59 }],
    ["/api_rate_limit_per_minute", "too_large", { api_rate_limit_per_minute: 60_001 }],
    ["/whatsapp_templates", "not_allowed", { whatsapp_templates: "never" }],
    ["/event_retention_days", "too_small", { event_retention_days: 0 }],
    ["/event_retention_days", "too_large", { event_retention_days: 366 }],
    ["/agent/name", "too_small", { agent: { name: "" } }],
    ["/agent/language", "invalid_format", { agent: { language: "Arabic, please" } }],
    ["/agent/instructions", "too_large", { agent: { instructions: "x".repeat(8001) } }],
    ["/agent/model", "unknown_field", { agent: { model: "x" } }],
    ["/id", "unknown_field", { id: "ws_1" }],
  ])("%s: %s", async (pointer, code, body) => {
    const { tenant } = await setUp();
    const before = await read(tenant);
    const { status, body: problem } = await change<Problem>(tenant, { sentiment_enabled: false, ...body });
    expect([status, problem.code]).toEqual([400, "validation_failed"]);
    expect(problem.errors).toEqual([expect.objectContaining({ pointer, code })]);
    expect(await read(tenant)).toEqual(before);
    expect(await recorded(tenant)).toEqual([]);
  });

  test.each([["the row", "update", workspaces] as const, ["the audit log", "insert", audit_log] as const])(
    "where %s cannot be written",
    async (_, verb, table) => {
      const { db, breakNext } = breakable((await database()).db);
      const world = await createWorld({ db });
      const tenant = await world.tenant();
      const before = await read(tenant);
      breakNext(verb, table);
      expect((await change(tenant, { name: "Other" })).status).toBe(500);
      expect(await read(tenant)).toEqual(before);
    },
  );
});

test("who decided by an older state is told so", async () => {
  const { tenant } = await setUp();
  const etag = (await tenant.get("/v1/workspace/settings")).headers.get("etag")!;
  expect((await change(tenant, { name: "First" }, { "If-Match": etag })).status).toBe(200);
  expect(await change<Problem>(tenant, { name: "Second" }, { "If-Match": etag })).toMatchObject({ status: 412 });
  expect((await read(tenant)).name).toBe("First");
});

test("a setting is its own workspace's alone", async () => {
  const { world, tenant } = await setUp();
  const neighbour = await world.tenant();
  const before = await read(neighbour);
  await change(tenant, { name: "Ours", inactivity_timeout_minutes: 5, api_rate_limit_per_minute: 60 });
  expect(await read(neighbour)).toEqual(before);
});

describe("what is set holds", () => {
  test("for who answers in a new conversation, however it begins", async () => {
    const { tenant } = await setUp();
    const earlier = await tenant.hears("Hello");
    await change(tenant, { default_handler_mode: "ai" });
    const handlerOf = async (id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.handler_mode;

    const heard = await tenant.hears("Hello");
    expect(await handlerOf(heard.id)).toBe("ai");
    const { channel_id } = tenant;
    const begin = (given: object) => tenant.post<Conversation>("/v1/conversations", { channel_id, ...given });
    const started = await begin({ to: { kind: "phone", value: "+15550105001" } });
    expect(started.body.handler_mode).toBe("ai");
    const told = await begin({ to: { kind: "phone", value: "+15550105002" }, handler_mode: "human" });
    expect(told.body.handler_mode).toBe("human");
    expect(await handlerOf(earlier.id), "what had begun stays as it was").toBe("unassigned");
  });

  test("for the limit of requests, from the very next one on", async () => {
    const { world, tenant } = await setUp();
    await roomInMinute(world.services.db);
    await change(tenant, { api_rate_limit_per_minute: 60 });
    const next = await tenant.get("/v1/me");
    expect(next.headers.get("ratelimit-policy")).toContain('"tenant";q=60;w=60');
    const answers = await Promise.all(Array.from({ length: 60 }, () => tenant.get("/v1/me")));
    const denied = answers.filter(({ status }) => status === 429);
    expect(denied).toHaveLength(2);
    expect(denied[0]!.body).toMatchObject({ limit: { scope: "tenant", limit: 60 } });
  });

  test("for how long events are kept", async () => {
    const { world, tenant } = await setUp();
    await tenant.hears("Hello");
    world.advance(hours(49));
    await world.sweep();
    expect(await rowsOf(tenant, events)).toHaveLength(1);
    await change(tenant, { event_retention_days: 2 });
    await world.sweep();
    expect(await rowsOf(tenant, events)).toEqual([]);
  });
});
