import { expect, test } from "vitest";
import { welcome } from "../support/members.ts";
import { createWorld } from "../support/world.ts";

test("what is private is kept by nobody on the way, and only what has a tag may be kept by who asked", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id } = await tenant.hears("Hello");
  const { browser } = await welcome(world, tenant, "admin");
  const one = await tenant.get(`/v1/conversations/${id}`);
  expect(one.headers.get("cache-control")).toBe("private, no-cache");
  const again = await tenant.get(`/v1/conversations/${id}`, { headers: { "If-None-Match": one.headers.get("etag")! } });
  expect([again.status, again.headers.get("cache-control")]).toEqual([304, "private, no-cache"]);
  const never = [
    await tenant.get("/v1/conversations"),
    await tenant.post("/v1/webhook_secret/rotate"),
    await tenant.patch(`/v1/conversations/${id}`, { subject: "x" }),
    await browser.post("/trpc/apiKeys.create", { name: "x", scopes: ["read"] }),
    await browser.get(`/trpc/conversations.list?input=${encodeURIComponent("{}")}`),
    await tenant.get("/v1/nothing"),
  ];
  expect(never.map(({ headers }) => headers.get("cache-control"))).toEqual(never.map(() => "no-store"));
  for (const { headers } of [one, again, ...never]) {
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
  }
});

test("a laptop without TLS asks nobody to come by it", async () => {
  const world = await createWorld({ settings: { public_url: "http://127.0.0.1:3000" } });
  const { headers } = await world.request("/healthz");
  expect([headers.get("strict-transport-security"), headers.get("x-content-type-options")]).toEqual([null, "nosniff"]);
});
