import { readFileSync } from "node:fs";
import { Hono, type Context, type MiddlewareHandler } from "hono";
import type { Services } from "../core/context.ts";
import { ApiError, errors, type ErrorCode } from "../core/errors.ts";
import { buildDocument } from "./document.ts";
import type { Front } from "./front-door.ts";
import type { Markup } from "./markup.ts";
import { errorPage, referencePage } from "./reference.ts";
import { sendProblem } from "./problem.ts";
import { addHeaders, html_type, kept, respond, respondHtml, respondKept } from "./respond.ts";

const style = readFileSync(new URL("../../openapi/reference.css", import.meta.url), "utf8");

/** `/openapi.json`, and the same for eyes: a plain page that needs no script. */
export function docs(): Hono<Front> {
  const app = new Hono<Front>();
  const documentOf = madeOnce(({ settings }) => ({ ...buildDocument(), servers: [{ url: settings.public_url }] }));
  const asJson = madeOnce((services) => kept("application/json", JSON.stringify(documentOf(services))));
  const asPage = madeOnce(async (services) => kept(html_type, (await referencePage(documentOf(services))).toString()));

  app.use("/docs/*", strictPolicy);
  app.use("/openapi.json", crossOrigin);
  app.get("/", (c) => respond(c, null, 302, { Location: "/docs" }));
  app.get("/openapi.json", (c) => respondKept(c, asJson(c.get("services"))));
  app.get("/docs", async (c) => respondKept(c, await asPage(c.get("services"))));
  app.get("/docs/reference.css", (c) =>
    respond(c, style, 200, { "Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=3600" }),
  );
  app.get("/docs/errors/:code", (c) => {
    const code = c.req.param("code");
    if (!Object.hasOwn(errors, code)) return sendProblem(c, new ApiError("not_found"));
    return page(c, errorPage(code as ErrorCode));
  });
  return app;
}

/** What differs by the configuration alone. */
function madeOnce<T>(make: (services: Services) => T): (services: Services) => T {
  let made: { value: T } | undefined;
  return (services) => (made ??= { value: make(services) }).value;
}

const page = async (c: Context<Front>, markup: Markup): Promise<Response> => respondHtml(c, await markup);

const strictPolicy: MiddlewareHandler<Front> = (c, next) => {
  addHeaders(c, {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  });
  return next();
};

/** The document holds no secret, and tools in browsers want to read it. */
const crossOrigin: MiddlewareHandler<Front> = (c, next) => {
  addHeaders(c, { "Access-Control-Allow-Origin": "*" });
  return next();
};
