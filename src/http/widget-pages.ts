import { readFileSync } from "node:fs";
import { Hono } from "hono";
import { isId } from "../core/ids.ts";
import { namesTag } from "../core/etag.ts";
import { bundleScript } from "../widget/bundle-script.ts";
import { findWidget } from "../widget/find-widget.ts";
import type { Front } from "./front-door.ts";
import { sendProblem } from "./problem.ts";
import { addHeaders, respond, respondHtml } from "./respond.ts";
import { demoPage } from "./widget-demo.ts";

const style = readFileSync(new URL("../../openapi/widget-demo.css", import.meta.url), "utf8");

/** What browsers fetch: `/widget.js`, and a page to try it on. */
export function widgetPages(): Hono<Front> {
  const app = new Hono<Front>();

  app.get("/widget.js", async (c) => {
    const { plain, gzipped, etag } = await bundleScript();
    const wants_gzip = /(^|,)\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)/i.test(c.req.header("accept-encoding") ?? "");
    // Two codings of one script are two representations, each with a tag of its own (RFC 9110 §8.8.3).
    const tag = wants_gzip ? etag.replace(/"$/, '-gzip"') : etag;
    addHeaders(c, {
      "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
      ETag: tag,
      Vary: "Accept-Encoding",
      "X-Content-Type-Options": "nosniff",
      // Any website may embed it: whom it serves is decided by the channel.
      "Cross-Origin-Resource-Policy": "cross-origin",
      "Access-Control-Allow-Origin": "*",
    });
    const known = c.req.header("if-none-match");
    if (known !== undefined && namesTag(known, tag, "weak")) return respond(c, null, 304);
    return respond(c, wants_gzip ? gzipped : plain, 200, {
      "Content-Type": "text/javascript; charset=utf-8",
      ...(wants_gzip && { "Content-Encoding": "gzip" }),
    });
  });

  app.get("/widget/demo", async (c) => {
    const services = c.get("services");
    const named = c.req.query("channel_id");
    const channel_id = named !== undefined && isId("chan", named) ? named : undefined;
    try {
      const name = channel_id === undefined ? undefined : (await findWidget(services, channel_id)).channel.name;
      // As strict as a website can be: what works here works anywhere.
      addHeaders(c, {
        "Content-Security-Policy":
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
      });
      return respondHtml(c, await demoPage(services.settings.public_url, channel_id, name));
    } catch (error) {
      return sendProblem(c, error);
    }
  });
  app.get("/widget/demo.css", (c) =>
    respond(c, style, 200, { "Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=3600" }),
  );
  return app;
}
