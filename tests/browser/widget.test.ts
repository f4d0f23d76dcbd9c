import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launch, must_skip, serveSite } from "../support/chromium.ts";
import { answerTo, conversationOn, createWidget, userOf, type Widget } from "../support/visitors.ts";
import { listen } from "../support/wire.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const patience = { timeout: 90_000 };

describe.skipIf(must_skip)("the widget on another website, in a real browser", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launch()), 60_000);
  afterAll(() => browser?.close());

  /** A website on one origin that shows the widget of a service on another. */
  async function aWebsite({ is_allowed = true, attributes = "", lang = "en-GB" } = {}) {
    const world = await createWorld();
    const { url } = await listen(world);
    const tenant = await world.tenant();
    // Which website it is, is known only once it is served; what it shows, only once the channel is known.
    const shown = { body: "" };
    const policy = `default-src 'none'; script-src ${url}; connect-src ${url}; require-trusted-types-for 'script'; trusted-types 'none'`;
    const site = await serveSite(() => shown.body, policy);
    const widget = await createWidget(world, tenant, { origins: [is_allowed ? site : "https://shop.example"] });
    shown.body = `<h1>Shop</h1><script async src="${url}/widget.js" data-channel-id="${widget.channel_id}" ${attributes}></script>`;
    const context = await browser.newContext({ locale: lang, viewport: { width: 1000, height: 760 } });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    await page.goto(site);
    return { world, tenant, widget, site, page, context, faults };
  }

  const log = (page: Page) => page.getByRole("log");
  const open = (page: Page) => page.getByRole("button", { name: "Open chat" }).click();
  const say = async (page: Page, text: string) => {
    await page.getByLabel("Your message").fill(text);
    await page.keyboard.press("Enter");
  };
  const bubbles = (page: Page) => page.locator(".bubble").allInnerTexts();
  const answer = async (tenant: Tenant, { channel_id }: Widget, text: string) =>
    answerTo(tenant, (await conversationOn(tenant, channel_id)).id, text);
  const greeting = "Hello! How can we help you?";

  test("a visitor writes, is answered while they look, and what they saw is read", patience, async () => {
    const { tenant, widget, page, faults } = await aWebsite();
    await open(page);
    expect(await page.getByRole("dialog", { name: "Chat with us" }).isVisible()).toBe(true);
    await say(page, "Do you ship to Beirut?");
    await expect.poll(() => page.locator(".own:not(.waiting) .bubble").allInnerTexts()).toEqual(["Do you ship to Beirut?"]);
    const id = await answer(tenant, widget, "We do, in three days.");
    await expect.poll(() => bubbles(page), { timeout: 5_000 }).toEqual([greeting, "Do you ship to Beirut?", "We do, in three days."]);
    await expect.poll(async () => (await tenant.get(`/v1/messages/${id}`)).body["status"]).toBe("read");
    expect(faults).toEqual([]);
  });

  test("the conversation is there after a reload, and what came meanwhile is counted until it is seen", patience, async () => {
    const { tenant, widget, page, context } = await aWebsite();
    await open(page);
    await say(page, "Hello?");
    await expect.poll(() => page.locator(".own:not(.waiting)").count()).toBe(1);
    await page.keyboard.press("Escape");
    expect(await page.getByRole("dialog").isVisible(), "Escape closes").toBe(false);
    await answer(tenant, widget, "Yes?");
    await expect.poll(() => page.locator(".badge").innerText()).toBe("1");
    expect(await page.getByRole("button", { name: "Open chat, 1 unread message" }).count()).toBe(1);

    await page.reload();
    await expect.poll(() => page.locator(".badge").innerText()).toBe("1");
    await page.getByRole("button", { name: "Open chat" }).click();
    await expect.poll(() => bubbles(page)).toEqual([greeting, "Hello?", "Yes?"]);
    expect(await page.locator(".badge").isVisible()).toBe(false);
    expect(await context.cookies(), "no cookie is needed").toEqual([]);
  });

  test("when the server drops the stream the page listens again, and misses nothing", patience, async () => {
    const { world, tenant, widget, page } = await aWebsite();
    await open(page);
    await say(page, "Hello?");
    await expect.poll(() => world.streams.count).toBe(1);
    for (const text of ["One", "Two", "Three"]) {
      world.streams.drop();
      expect(world.streams.count).toBe(0);
      await answer(tenant, widget, text);
      await expect.poll(() => world.streams.count, { timeout: 10_000 }).toBe(1);
    }
    await expect.poll(() => bubbles(page), { timeout: 10_000 }).toEqual([greeting, "Hello?", "One", "Two", "Three"]);
  });

  test("what anybody writes stays text", patience, async () => {
    const { tenant, widget, page, faults } = await aWebsite();
    const evil = `<img src=x onerror="window.harmed=1"><script>window.harmed=1</script> javascript:alert(1) https://shop.example/a"onclick=x`;
    await open(page);
    await say(page, evil);
    await expect.poll(() => page.locator(".own:not(.waiting)").count()).toBe(1);
    await answer(tenant, widget, evil);
    await expect.poll(() => page.locator(".theirs .bubble").allInnerTexts()).toEqual([greeting, evil]);
    expect(await bubbles(page)).toEqual([greeting, evil, evil]);
    expect(await page.locator(".log img, .log script, .log [onclick]").count()).toBe(0);
    expect(await Promise.all((await page.locator(".log a").all()).map((link) => link.getAttribute("href")))).toEqual([
      "https://shop.example/a",
      "https://shop.example/a",
    ]);
    expect(await page.evaluate("window.harmed")).toBeUndefined();
    expect(faults).toEqual([]);
  });

  test("a message whose answers are lost is sent again, and is one", patience, async () => {
    const { tenant, page, context } = await aWebsite();
    let lost = 0;
    await context.route("**/widget/v1/messages?*", async (route) => {
      if (route.request().method() !== "POST" || lost >= 2) return route.continue();
      lost += 1;
      await route.fetch();
      await route.abort();
    });
    await open(page);
    await say(page, "Only once");
    await expect.poll(() => page.locator(".own:not(.waiting) .bubble").allInnerTexts(), { timeout: 15_000 }).toEqual(["Only once"]);
    expect((await tenant.get<{ data: object[] }>("/v1/messages")).body.data).toHaveLength(1);
  });

  test("on a website that is not allowed nothing can be said, and nothing is stored", patience, async () => {
    const { tenant, page } = await aWebsite({ is_allowed: false });
    await open(page);
    await page.getByLabel("Your message").fill("Hello?");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.getByRole("status").innerText()).toContain("No connection");
    expect(await page.locator(".own:not(.waiting)").count()).toBe(0);
    expect((await tenant.get<{ data: object[] }>("/v1/messages")).body.data).toEqual([]);
  });

  test("whoever signs in sees their own thread, and whoever signs out leaves none behind", patience, async () => {
    const { page } = await aWebsite();
    await open(page);
    await say(page, "As nobody");
    await expect.poll(() => page.locator(".own:not(.waiting)").count()).toBe(1);
    await page.evaluate(`Wassla("identify", ${JSON.stringify(userOf("42", { name: "Sara" }))})`);
    await expect.poll(() => bubbles(page)).toEqual([greeting]);
    await say(page, "As Sara");
    await expect.poll(() => page.locator(".own:not(.waiting) .bubble").allInnerTexts()).toEqual(["As Sara"]);
    await page.evaluate(`Wassla("shutdown")`);
    await page.evaluate(`Wassla("open")`);
    await expect.poll(() => bubbles(page)).toEqual([greeting, "As nobody"]);
  });

  test("on an Arabic page it speaks Arabic, from right to left", patience, async () => {
    const { page } = await aWebsite({ attributes: 'data-lang="ar"' });
    await page.getByRole("button", { name: "افتح المحادثة" }).click();
    expect(await page.locator("wassla-widget").getAttribute("dir")).toBe("rtl");
    await page.getByLabel("رسالتك").fill("مرحبا، متى يصل طلبي A-1007؟");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator(".own:not(.waiting)").count()).toBe(1);
    const { x } = (await page.getByRole("dialog").boundingBox())!;
    expect(x, "it stands at the left").toBeLessThan(100);
  });

  test("all of it works by keyboard, and says what it is", patience, async () => {
    const { page } = await aWebsite();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.getByRole("dialog").isVisible()).toBe(true);
    await page.keyboard.type("Hello");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("there");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator(".own:not(.waiting) .bubble").allInnerTexts()).toEqual(["Hello\nthere"]);
    expect(await log(page).getAttribute("aria-live")).toBe("polite");
    await page.keyboard.press("Escape");
    const focused = "document.querySelector('wassla-widget').shadowRoot.activeElement.className";
    expect(await page.evaluate(focused), "back where it was opened").toBe("launcher");
  });
});
