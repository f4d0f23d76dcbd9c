import { expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { createWorld, cron_secret } from "../support/world.ts";

async function setUp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const lines: Record<string, unknown>[] = [];
  const info = (fields: object, message: string) => void lines.push({ ...fields, message });
  const app = createApp({
    services: { ...world.services, log: { ...world.services.log, info } },
    last_used: world.last_used,
    cron_secret,
    ip_limit_per_minute: 1_000_000,
    trusted_proxies: [],
  });
  const ask = async (path: string, init: RequestInit = {}) =>
    app.request(path, { headers: { Authorization: `Bearer ${tenant.api_key}` }, ...init });
  return { tenant, lines, ask };
}

test("a request is one line: who, what, how it ended and how long it took", async () => {
  const { tenant, lines, ask } = await setUp();
  const response = await ask("/v1/me");
  expect(lines).toEqual([
    {
      message: "request",
      request_id: response.headers.get("x-request-id"),
      workspace_id: tenant.workspace_id,
      method: "GET",
      route: "/v1/me",
      status: 200,
      duration_ms: expect.any(Number) as number,
    },
  ]);
});

test.each([
  ["/v1/conversations/conv_01m7x0q4w6e8r9t2y3v5n7b1c4?secret=x", "GET", "/v1/conversations/{conversation_id}", 400],
  ["/v1/conversations/conv_01m7x0q4w6e8r9t2y3v5n7b1c4", "GET", "/v1/conversations/{conversation_id}", 404],
  ["/v1/conversations/conv_01m7x0q4w6e8r9t2y3v5n7b1c4", "PUT", "/v1/conversations/{conversation_id}", 405],
  ["/v1/webhook_deliveries/secret/replay", "POST", "/v1/webhook_deliveries/{delivery_id}/replay", 404],
  ["/trpc/me.get?input=secret", "GET", "/trpc/*", 400],
  ["/cron/secret", "POST", "/cron/{chore}", 401],
  ["/widget/v1/events?secret=x", "GET", "/widget/v1/events", 401],
  ["/widget/v1/secret", "GET", "/widget/v1/*", 404],
  ["/auth/session", "GET", "/auth/session", 401],
  ["/docs/errors/secret", "GET", "/docs/errors/{code}", 404],
  ["/secret/path?secret=x", "GET", "/*", 404],
])("%s by %s is logged as %s", async (path, method, route, status) => {
  const { lines, ask } = await setUp();
  await ask(path, { method });
  expect(lines).toMatchObject([{ method, route, status }]);
});

test("neither ids nor queries nor headers nor bodies are logged", async () => {
  const { tenant, lines, ask } = await setUp();
  const { id } = await tenant.hears("A secret word");
  await ask(`/v1/conversations/${id}?surprise=a-secret-word`);
  await ask("/v1/webhook_secret/rotate", {
    method: "POST",
    body: '{"a secret word":1}',
    headers: { Authorization: `Bearer ${tenant.api_key}`, "Content-Type": "application/json", "X-Secret": "a secret word" },
  });
  await ask("/v1/me", { headers: {} });
  const text = JSON.stringify(lines);
  expect(lines).toHaveLength(3);
  expect(text).not.toMatch(/secret.word/);
  expect(text).not.toContain(id);
  expect(text).not.toContain(tenant.api_key);
  expect(lines[2], "whoever has no key has no workspace").toMatchObject({ status: 401, workspace_id: undefined });
});
