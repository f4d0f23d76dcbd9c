import { readFileSync } from "node:fs";
import { Hono, type MiddlewareHandler } from "hono";
import { html } from "hono/html";
import { ApiError, errors, type ErrorCode } from "../core/errors.ts";
import { buildDocument } from "./document.ts";
import type { Document } from "./document-nodes.ts";
import type { Front } from "./front-door.ts";
import { errorPage, referencePage } from "./reference.ts";
import { sendProblem } from "./problem.ts";

const style = readFileSync(new URL("../../openapi/reference.css", import.meta.url), "utf8");

/** `/openapi.json`, and the same for eyes: a plain page that needs no script. */
export function docs(): Hono<Front> {
  const app = new Hono<Front>();
  let document: Document | undefined;
  const documentAt = (public_url: string): Document => ({ ...(document ??= buildDocument()), servers: [{ url: public_url }] });

  app.use("/docs/*", strictPolicy);
  app.use("/openapi.json", crossOrigin);
  app.get("/", (c) => c.redirect("/docs"));
  app.get("/openapi.json", (c) => c.json(documentAt(c.var.services.settings.public_url)));
  app.get("/docs", (c) => c.html(html`${referencePage(documentAt(c.var.services.settings.public_url))}`));
  app.get("/docs/reference.css", (c) => c.body(style, 200, { "Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=3600" }));
  app.get("/docs/errors/:code", (c) => {
    const code = c.req.param("code");
    if (!Object.hasOwn(errors, code)) return sendProblem(c, new ApiError("not_found"));
    return c.html(html`${errorPage(code as ErrorCode)}`);
  });
  return app;
}

const strictPolicy: MiddlewareHandler = async (c, next) => {
  await next();
  c.header("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  c.header("X-Content-Type-Options", "nosniff");
  c.header("Referrer-Policy", "no-referrer");
};

/** The document holds no secret, and tools in browsers want to read it. */
const crossOrigin: MiddlewareHandler = async (c, next) => {
  await next();
  c.header("Access-Control-Allow-Origin", "*");
};
