import { expect, test } from "vitest";
import { errors, type ErrorCode } from "../../src/core/errors.ts";
import { nameOf, type Schema } from "../../src/core/example.ts";
import type { Document } from "../../src/http/document-nodes.ts";
import { errorPage, referencePage } from "../../src/http/reference.ts";
import { document } from "../support/document.ts";
import { createWorld } from "../support/world.ts";

const textOf = async (markup: ReturnType<typeof errorPage>): Promise<string> => (await markup).toString();
const hrefs = (html: string): string[] => [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!);
const ids = (html: string): string[] => [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);

test("every link of the reference leads somewhere, to the anchor too", async () => {
  const { app } = await createWorld();
  const pages = new Map<string, string>();
  const read = async (path: string): Promise<string> => {
    const known = pages.get(path);
    if (known !== undefined) return known;
    const response = await app.request(path);
    expect(response.status, path).toBe(200);
    const text = await response.text();
    pages.set(path, text);
    return text;
  };

  const waiting = ["/docs"];
  const seen = new Set(waiting);
  let followed = 0;
  for (let page = waiting.pop(); page !== undefined; page = waiting.pop()) {
    for (const href of hrefs(await read(page))) {
      const [path = "", anchor] = href.startsWith("#") ? [page, href.slice(1)] : href.split("#");
      followed += 1;
      if (anchor !== undefined) expect(ids(await read(path)), `${page} → ${href}`).toContain(anchor);
      if (!seen.has(path) && path.startsWith("/docs") && !path.endsWith(".css")) waiting.push(path);
      seen.add(path);
      await read(path);
    }
  }
  expect(followed).toBeGreaterThan(Object.keys(errors).length * 2);
  for (const code of Object.keys(errors)) expect(seen.has(`/docs/errors/${code}`), code).toBe(true);
});

test("no page asks anything of another place, and none runs a script", async () => {
  const { app } = await createWorld();
  for (const path of ["/docs", "/docs/errors/validation_failed", "/docs/reference.css"]) {
    const text = await (await app.request(path)).text();
    const asked = [...text.matchAll(/(?:src|href|action|poster|srcset|url|@import)\s*[=(]?\s*["'(]([^"')]+)/g)].map(
      ([, target]) => target!,
    );
    for (const target of asked) expect(target, path).toMatch(/^[/#]/);
    expect(text).not.toMatch(/<(script|iframe|img|object|embed|form|base)\b/);
    expect(text, "no style beside the sheet: the policy would not allow it").not.toMatch(/ style=|<style|javascript:| on\w+=/);
  }
});

test("every page under /docs has the policy that allows nothing but the sheet", async () => {
  const { app } = await createWorld();
  for (const path of ["/docs", "/docs/reference.css", "/docs/errors/not_found", "/docs/errors/nothing", "/docs/nothing"]) {
    const { headers } = await app.request(path);
    expect(headers.get("content-security-policy"), path).toBe(
      "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  }
});

test("the pages are what they say they are", async () => {
  const { app } = await createWorld();
  const typeOf = async (path: string) => (await app.request(path)).headers.get("content-type")?.toLowerCase();
  expect(await typeOf("/docs")).toBe("text/html; charset=utf-8");
  expect(await typeOf("/docs/errors/not_found")).toBe("text/html; charset=utf-8");
  expect(await typeOf("/docs/reference.css")).toBe("text/css; charset=utf-8");
  expect(await typeOf("/openapi.json")).toBe("application/json");
  expect((await app.request("/openapi.json")).headers.get("access-control-allow-origin"), "tools in browsers read it").toBe("*");
  expect((await app.request("/")).headers.get("location")).toBe("/docs");
});

test("what the document says is shown, and never becomes mark-up", async () => {
  const evil = `<script>alert(1)</script><img src=x onerror=alert(1)>"'&`;
  const poison = (value: unknown, key = ""): unknown => {
    if (Array.isArray(value)) return value.map((item) => poison(item, key));
    if (value !== null && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, poison(inner, name)]));
    return typeof value === "string" && ["description", "summary", "title", "example", "name", "examples", "url"].includes(key)
      ? `${value}${evil}`
      : value;
  };
  const html = await textOf(referencePage(poison(document) as Document));
  expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(html).not.toContain("<script");
  expect(html).not.toContain("<img");
  expect(html).not.toMatch(/"'&(?!\w+;|#)/);
});

test("every schema that a body or an answer leads to is shown, with each field, what it is, and each value of an enum", async () => {
  const html = await textOf(referencePage(document));
  const { schemas } = document.components;
  const bodies = Object.keys(schemas).filter((name) => name.endsWith("Request"));
  for (const [name, { properties = {} }] of Object.entries(schemas as Record<string, { properties?: Record<string, Schema> }>)) {
    if (bodies.includes(name)) continue;
    const section = new RegExp(`<article id="object-${name}">[^]*?</article>`).exec(html)?.[0];
    expect(section, name).toBeDefined();
    for (const [field, { $ref, ...part }] of Object.entries(properties)) {
      const { description = "" } = part.description === undefined && $ref !== undefined ? schemas[nameOf($ref)]! : part;
      expect(section, name).toContain(`<code>${field}</code>`);
      const first_words = /^[\w ]+/.exec(description)?.[0] ?? "";
      expect(section, `${name}.${field}`).toContain(first_words);
      for (const value of (part["enum"] as string[] | undefined) ?? []) expect(section).toContain(`<code>${value}</code>`);
    }
  }
  const listing = /<article id="listMessages">[^]*?<\/article>/.exec(html)![0];
  expect(listing, "a parameter too is told by what it names").toMatch(
    /<code>direction<\/code>[^]*?<code>inbound<\/code>: from the contact/,
  );
  expect(html, "what is within a field is shown too").toContain("<code>credentials.access_token</code>");
  const union = /<article id="object-SendableContent">[^]*?<\/article>/.exec(html)![0];
  expect(union.match(/<table>/g), "a table for each member of a union").toHaveLength(3);
  const sending = /<article id="sendMessage">[^]*?<\/article>/.exec(html)![0];
  expect(hrefs(sending)).toEqual(expect.arrayContaining(["#object-SendableContent", "#object-Message"]));
});

test("every id of the reference is given once", async () => {
  const all = ids(await textOf(referencePage(document)));
  expect(new Set(all).size).toBe(all.length);
});

test("a page of an error says what it means and what to do", async () => {
  for (const [code, { title, status }] of Object.entries(errors)) {
    const html = await textOf(errorPage(code as ErrorCode));
    expect(html).toContain(`<h1>${title}</h1>`);
    expect(html).toContain(`HTTP ${status}`);
    expect(html).toContain("What to do");
    expect(html, "no back quote is left over").not.toContain("`");
  }
});

test.each(["constructor", "__proto__", "toString", "nothing", "%3Cscript%3E", "%zz"])("there is no page of the error %s", async (code) => {
  const world = await createWorld();
  const answer = await world.request(`/docs/errors/${code}`);
  expect(answer).toMatchObject({ status: 404, body: { code: "not_found", instance: "/docs/errors/{code}" } });
});
