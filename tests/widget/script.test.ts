import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createWidget, shop, userOf } from "../support/visitors.ts";
import { createSandbox } from "../support/channels.ts";
import { createWorld } from "../support/world.ts";

const sources = new URL("../../src/widget/browser/", import.meta.url);

describe("/widget.js", () => {
  const get = async (headers: Record<string, string> = {}) => {
    const { app } = await createWorld();
    const response = await app.request("/widget.js", { headers });
    return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
  };

  test("is one small script: at most 15 kB as it travels", async () => {
    const { status, headers, body } = await get({ "Accept-Encoding": "br, gzip;q=0.8" });
    expect(status).toBe(200);
    expect(headers.get("content-encoding")).toBe("gzip");
    expect(headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(body.length).toBeLessThan(15_000);
    expect(gunzipSync(body).toString("utf8")).toContain("wassla-widget");
  });

  test("comes as it is to whoever wants no gzip", async () => {
    for (const headers of [
      {},
      { "Accept-Encoding": "identity" },
      { "Accept-Encoding": "gzip;q=0" },
      { "Accept-Encoding": "gzip;q=0.000, br" },
    ]) {
      const plain = await get(headers);
      expect(plain.headers.get("content-encoding"), JSON.stringify(headers)).toBeNull();
      expect(plain.body.toString("utf8")).toContain("wassla-widget");
      expect(plain.headers.get("vary")).toBe("Accept-Encoding");
    }
  });

  test("is kept for an hour, and then only fetched again if it changed", async () => {
    for (const asked of [{}, { "Accept-Encoding": "gzip" }]) {
      const first = await get(asked);
      expect(first.headers.get("cache-control")).toBe("public, max-age=3600, stale-while-revalidate=86400");
      const again = await get({ ...asked, "If-None-Match": first.headers.get("etag")! });
      expect([again.status, again.body.length]).toEqual([304, 0]);
    }
    const [plain, gzipped] = [await get(), await get({ "Accept-Encoding": "gzip" })];
    expect(plain.headers.get("etag")).not.toBe(gzipped.headers.get("etag"));
  });

  test("may be embedded anywhere, and asks for nothing that a strict policy forbids", async () => {
    const { headers, body } = await get();
    expect(headers.get("cross-origin-resource-policy")).toBe("cross-origin");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(body.toString("utf8")).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.cssText|document\.cookie/,
    );
  });

  test("has all its words in each of its languages", () => {
    const words = readFileSync(new URL("words.ts", sources), "utf8");
    expect(words.match(/^const \w+(: Words)? = \{$/gm)).toHaveLength(3);
    expect(readdirSync(sources).length).toBeGreaterThan(5);
  });
});

describe("the demo page", () => {
  test("shows the widget of the channel it is asked for, and how to embed it", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const { channel_id } = await createWidget(world, tenant);
    const response = await world.app.request(`/widget/demo?channel_id=${channel_id}`);
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toContain("script-src 'self'; style-src 'self'; connect-src 'self'");
    expect(page).toContain(`<script async src="/widget.js" data-channel-id="${channel_id}"></script>`);
    expect(page).toContain(
      `&lt;script async src=&quot;https://api.wassla.test/widget.js&quot; data-channel-id=&quot;${channel_id}&quot;&gt;`,
    );
    expect((await world.app.request("/widget/demo.css")).headers.get("content-type")).toBe("text/css; charset=utf-8");
  });

  test("without a channel says how to name one, and repeats nothing of what it was asked", async () => {
    const { app } = await createWorld();
    for (const query of ["", "?channel_id=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"]) {
      const response = await app.request(`/widget/demo${query}`);
      const page = await response.text();
      expect(response.status).toBe(200);
      expect(page).not.toMatch(/<script|alert/);
    }
  });

  test("of a channel that is no widget's is 404", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const { channel_id } = await createSandbox(world, tenant, "web_widget");
    expect((await world.app.request(`/widget/demo?channel_id=${channel_id}`)).status).toBe(404);
    expect((await world.app.request(`/widget/demo?channel_id=${world.services.newId("chan")}`, { headers: { Origin: shop } })).status).toBe(
      404,
    );
  });
});

test("the guide's known answer is the hash that is taken", async () => {
  const guide = readFileSync(new URL("../../openapi/guides/web-widget.md", import.meta.url), "utf8");
  const [, secret, id, hash] = /For the secret `(\w+)` and the id `(\w+)` it is\n`([0-9a-f]{64})`/.exec(guide)!;
  expect(userOf(id!, {}, secret!)).toEqual({ id, hash });
});
