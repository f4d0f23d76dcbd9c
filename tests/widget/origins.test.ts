import { describe, expect, test } from "vitest";
import { WebWidgetCredentials } from "../../src/channels/providers/web-widget.ts";
import { createWidget, identity_secret, shop } from "../support/visitors.ts";
import { createWorld } from "../support/world.ts";

async function aWidget() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const widget = await createWidget(world, tenant, { origins: [shop, "http://localhost:5173"] });
  return { world, tenant, widget };
}

describe("a page's origin", () => {
  test.each([
    ["missing", undefined],
    ["another website's", "https://evil.example"],
    ["a longer one", "https://shop.example.evil.example"],
    ["a subdomain's", "https://www.shop.example"],
    ["of another scheme", "http://shop.example"],
    ["on another port", "https://shop.example:8443"],
    ["that of a sandbox", "null"],
    ["a star", "*"],
    ["with a path", "https://shop.example/"],
  ])("that is %s is refused by the server itself, and the answer is nobody's to read", async (_, origin) => {
    const { world, widget } = await aWidget();
    const page = await widget.visit();
    const headers: Record<string, string> = origin === undefined ? {} : { Origin: origin };
    for (const answer of [
      await widget.start({}, headers),
      await world.request("/widget/v1/messages", { key: page.token, headers }),
      await world.request("/widget/v1/events", { key: page.token, headers }),
      await world.request("/widget/v1/messages", { key: page.token, headers, method: "POST", body: { text: "Hi", client_reference: "1" } }),
      await world.request("/widget/v1/read", { key: page.token, headers, method: "POST", body: { message_id: "x" } }),
    ]) {
      expect(answer).toMatchObject({ status: 403, body: { code: "origin_not_allowed" } });
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      expect(answer.headers.get("vary")).toBe("Origin");
    }
  });

  test("that is allowed is named in the answer, alone and exactly, also of a refusal", async () => {
    const { widget } = await aWidget();
    for (const origin of [shop, "http://localhost:5173"]) {
      for (const body of [{}, { visitor_token: "wvt_" }]) {
        const { headers } = await widget.start(body, { Origin: origin });
        expect(headers.get("access-control-allow-origin")).toBe(origin);
        expect(headers.get("access-control-allow-credentials"), "no cookies").toBeNull();
        expect(headers.get("vary")).toBe("Origin");
      }
    }
  });

  test("is, where a browser names none because the page is the service's own, the service's own", async () => {
    const world = await createWorld();
    // Behind what ends TLS the socket knows no https.
    const widget = await createWidget(world, await world.tenant(), { origins: [shop, world.services.settings.public_url] });
    const { token } = await widget.visit();
    const read = (headers: Record<string, string>) => world.request("/widget/v1/messages", { key: token, headers });
    expect((await read({ "Sec-Fetch-Site": "same-origin" })).status).toBe(200);
    expect((await read({ "Sec-Fetch-Site": "same-site" })).status).toBe(403);
    expect((await read({ "Sec-Fetch-Site": "same-origin", Origin: "https://evil.example" })).status).toBe(403);
  });
});

describe("a preflight", () => {
  const ask = (path: string, origin: string) => ({
    path: `/widget/v1/${path}`,
    init: { method: "OPTIONS", headers: { Origin: origin, "Access-Control-Request-Method": "POST" } },
  });

  test.each(["sessions", "messages", "events", "read"])(
    "of %s is answered to an allowed page, to be remembered for two hours",
    async (path) => {
      const { world, widget } = await aWidget();
      const { path: url, init } = ask(`${path}?channel_id=${widget.channel_id}`, shop);
      const { status, headers, body } = await world.request(url, init);
      expect([status, body]).toEqual([204, null]);
      expect(headers.get("access-control-allow-origin")).toBe(shop);
      expect(headers.get("access-control-allow-methods")).toBe("GET, POST");
      expect(headers.get("access-control-allow-headers")).toBe("Authorization, Content-Type, Last-Event-ID");
      expect(headers.get("access-control-max-age")).toBe("7200");
      expect(headers.get("vary")).toBe("Origin");
    },
  );

  test("of another page, of no channel, or of an unknown one is refused", async () => {
    const { world, widget } = await aWidget();
    for (const [query, origin, status] of [
      [`?channel_id=${widget.channel_id}`, "https://evil.example", 403],
      ["", shop, 404],
      [`?channel_id=${world.services.newId("chan")}`, shop, 404],
    ] as const) {
      const { path, init } = ask(`sessions${query}`, origin);
      const answer = await world.request(path, init);
      expect(answer.status, query).toBe(status);
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("that names one channel opens no other", async () => {
    const { world, tenant, widget } = await aWidget();
    const other = await createWidget(world, tenant);
    const headers = { Origin: shop };
    const sessions = `/widget/v1/sessions?channel_id=${widget.channel_id}`;
    expect(await world.request(sessions, { method: "POST", headers, body: { channel_id: other.channel_id } })).toMatchObject({
      status: 404,
    });
    const { token } = await other.visit();
    expect(await world.request(`/widget/v1/messages?channel_id=${widget.channel_id}`, { key: token, headers })).toMatchObject({
      status: 401,
    });
  });
});

test.each([
  "*",
  "https://*.shop.example",
  "shop.example",
  "https://shop.example/path",
  "https://shop.example?x",
  "ftp://shop.example",
  "https://u@shop.example",
  "null",
  "",
])("%j cannot be allowed", (origin) => {
  expect(WebWidgetCredentials.safeParse({ allowed_origins: [origin], identity_secret }).success).toBe(false);
});

test("an origin is kept as browsers write it, and there must be one", () => {
  const allow = (...allowed_origins: string[]) => WebWidgetCredentials.parse({ allowed_origins, identity_secret }).allowed_origins;
  expect(allow("https://Shop.Example:443/", "http://localhost:80")).toEqual(["https://shop.example", "http://localhost"]);
  expect(() => allow()).toThrow();
  expect(WebWidgetCredentials.safeParse({ allowed_origins: [shop], identity_secret: "short" }).success).toBe(false);
});
