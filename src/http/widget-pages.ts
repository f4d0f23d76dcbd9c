import { readFileSync } from "node:fs";
import { Hono } from "hono";
import { html } from "hono/html";
import { isId } from "../core/ids.ts";
import { namesTag } from "../core/etag.ts";
import { bundleScript } from "../widget/bundle-script.ts";
import { findWidget } from "../widget/find-widget.ts";
import type { Front } from "./front-door.ts";
import { sendProblem } from "./problem.ts";
import { demoPage } from "./widget-demo.ts";

const style = readFileSync(new URL("../../openapi/widget-demo.css", import.meta.url), "utf8");

/** What browsers fetch: `/widget.js`, and a page to try it on. */
export function widgetPages(): Hono<Front> {
  const app = new Hono<Front>();

  app.get("/widget.js", async (c) => {
    const { plain, gzipped, etag } = await bundleScript();
    const wants_gzip = /(^|,)\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)/i.test(c.req.header("accept-encoding") ?? "");
    c.header("Cache-Control", "public, max-age=3600, stale-while-revalidate=86400");
    // Two codings of one script are two representations, each with a tag of its own (RFC 9110 §8.8.3).
    const tag = wants_gzip ? etag.replace(/"$/, '-gzip"') : etag;
    c.header("ETag", tag);
    c.header("Vary", "Accept-Encoding");
    c.header("X-Content-Type-Options", "nosniff");
    // Any website may embed it: whom it serves is decided by the channel.
    c.header("Cross-Origin-Resource-Policy", "cross-origin");
    c.header("Access-Control-Allow-Origin", "*");
    const known = c.req.header("if-none-match");
    if (known !== undefined && namesTag(known, tag, "weak")) return c.body(null, 304);
    c.header("Content-Type", "text/javascript; charset=utf-8");
    if (wants_gzip) c.header("Content-Encoding", "gzip");
    return c.body(wants_gzip ? gzipped : plain);
  });

  app.get("/widget/demo", async (c) => {
    const { services } = c.var;
    const named = c.req.query("channel_id");
    const channel_id = named !== undefined && isId("chan", named) ? named : undefined;
    try {
      const name = channel_id === undefined ? undefined : (await findWidget(services, channel_id)).channel.name;
      // As strict as a website can be: what works here works anywhere.
      c.header(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      );
      c.header("X-Content-Type-Options", "nosniff");
      c.header("Referrer-Policy", "no-referrer");
      return await c.html(html`${demoPage(services.settings.public_url, channel_id, name)}`);
    } catch (error) {
      return sendProblem(c, error);
    }
  });
  app.get("/widget/demo.css", (c) => c.body(style, 200, { "Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=3600" }));
  return app;
}
