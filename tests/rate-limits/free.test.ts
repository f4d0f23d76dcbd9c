import { and, eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { api_keys } from "../../src/api-keys/tables.ts";
import { mintToken } from "../../src/api-keys/token.ts";
import { mine } from "../../src/db/mine.ts";
import { createWorld } from "../support/world.ts";

type Windows = { windows: { scope: string; limit: number; remaining: number }[] };

test("who has no key is counted where a key asks for nothing, and refused when the address has no room", async () => {
  const world = await createWorld({ ip_limit_per_minute: 5, trusted_proxies: ["127.0.0.1"] });
  const ask = async (path: string) =>
    (await world.request(path, { key: mintToken(), headers: { "X-Forwarded-For": "198.51.100.77" } })).status;
  const answers: number[] = [];
  for (let n = 0; n < 3; n++) answers.push(await ask("/v1/rate_limit"), await ask("/v1/me"));
  expect(answers).toEqual([401, 401, 401, 401, 401, 429]);
  expect(await ask("/v1/rate_limit")).toBe(429);
});

test("a key asks what remains also when its limit was lowered below what it took, and is told that nothing does", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { token, id } = await tenant.mint({ rate_limit_per_minute: 5 });
  for (let n = 0; n < 4; n++) expect((await world.request("/v1/me", { key: token })).status).toBe(200);
  await world.services.db
    .update(api_keys)
    .set({ rate_limit_per_minute: 2 })
    .where(and(mine(tenant.ctx, api_keys), eq(api_keys.id, id)));
  const answer = await world.request<Windows>("/v1/rate_limit", { key: token });
  expect(answer.status).toBe(200);
  expect(answer.body.windows.find(({ scope }) => scope === "key")).toMatchObject({ limit: 2, remaining: 0 });
  expect((await world.request("/v1/me", { key: token })).status).toBe(429);
  expect((await world.request("/v1/rate_limit", { key: token, method: "HEAD" })).status).toBe(200);
});

test("only to read what remains costs nothing", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { token } = await tenant.mint({ rate_limit_per_minute: 2 });
  const post = async () => (await world.request("/v1/rate_limit", { key: token, method: "POST", body: {} })).status;
  expect([await post(), await post(), await post()]).toEqual([405, 405, 429]);
});

test("nor may it be asked without end", async () => {
  const world = await createWorld({ ip_limit_per_minute: 3, trusted_proxies: ["127.0.0.1"] });
  const tenant = await world.tenant();
  const ask = () => tenant.get("/v1/rate_limit", { headers: { "X-Forwarded-For": "198.51.100.78" } });
  expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 200]);
  expect(await ask()).toMatchObject({ status: 429, body: { limit: { scope: "ip", limit: 3 } } });
});
