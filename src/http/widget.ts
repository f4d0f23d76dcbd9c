import { Hono, type Context, type Handler } from "hono";
import { ApiError, unauthorized } from "../core/errors.ts";
import { takeFromWindow } from "../rate-limits/take-from-window.ts";
import { ListVisitorMessages, ReadMessages, ReceiveText, StartSession } from "../widget/contract.ts";
import { assertAllowed, findWidget, type Widget } from "../widget/find-widget.ts";
import { followMessages, startOf } from "../widget/follow-messages.ts";
import { listVisitorMessages } from "../widget/list-visitor-messages.ts";
import { readMessages } from "../widget/read-messages.ts";
import { receiveText } from "../widget/receive-text.ts";
import { startSession } from "../widget/start-session.ts";
import type { Streams } from "../widget/streams.ts";
import { claimsOf, readToken } from "../widget/visitor-token.ts";
import { identityOf, type Visitor } from "../widget/visitor.ts";
import { readJsonBody } from "./body.ts";
import { createAddressReader, limitSubject } from "./client-address.ts";
import { eventStream } from "./event-stream.ts";
import { limitBody, type Front, type Rules } from "./front-door.ts";
import { readQuery } from "./parameters.ts";
import { sendProblem } from "./problem.ts";
import { readInput } from "./read-input.ts";
import { addHeaders, respond, respondJson } from "./respond.ts";

/** Room for the longest text, with every character escaped. */
const body_limit_bytes = 64 * 1024;

const visitor_limit_per_minute = 120;
/** What may make a visitor, or write, counts as so many requests of its address. */
const cost_of_writing = 5;

/** What the visitor's page asks: by its origin, which the server checks, and with the visitor's token. */
export function widget(rules: Pick<Rules, "ip_limit_per_minute" | "trusted_proxies">, streams: Streams): Hono<Front> {
  const app = new Hono<Front>();
  const addressOf = createAddressReader(rules.trusted_proxies);

  /** Whoever asks is counted by address, and must ask from a page that may show the widget. From then on the page may read the answers. */
  async function enter(c: Context<Front>, channel_id: string, cost = 1): Promise<Widget> {
    const services = c.get("services");
    const [found] = await Promise.all([
      findWidget(services, channel_id),
      takeFromWindow(services, { scope: "ip", subject: limitSubject(addressOf(c)), limit: rules.ip_limit_per_minute, cost }),
    ]);
    const origin = originOf(c);
    assertAllowed(found, origin);
    addHeaders(c, { "Access-Control-Allow-Origin": origin!, "Access-Control-Expose-Headers": "Retry-After, X-Request-Id" });
    return found;
  }

  /** The same, for a visitor who has a token. */
  async function enterAsVisitor(c: Context<Front>, cost?: number): Promise<[Widget, Visitor]> {
    const token = tokenOf(c);
    const channel_id = c.req.query("channel_id") ?? (token && claimsOf(token)?.channel_id);
    const found = channel_id === undefined ? undefined : await enter(c, channel_id, cost);
    if (token === undefined) throw unauthorized("missing_token", "Send the visitor's token as `Authorization: Bearer wvt_…`.");
    if (!found) throw unauthorized("malformed_token", "This is no visitor's token.");
    const visitor = readToken(found, token);
    const subject = identityOf(found, visitor).value;
    await takeFromWindow(c.get("services"), { scope: "visitor", subject, limit: visitor_limit_per_minute, cost: 1 });
    return [found, visitor];
  }

  function answer(method: "GET" | "POST", path: string, run: (c: Context<Front>) => Promise<Response>): void {
    app.on(method, path, limitBody(body_limit_bytes), guarded(run));
    app.options(path, guarded(preflight));
  }

  /** A preflight names the channel in its query alone. */
  async function preflight(c: Context<Front>): Promise<Response> {
    await enter(c, c.req.query("channel_id") ?? "");
    return respond(c, null, 204, {
      "Access-Control-Allow-Methods": "GET, POST",
      "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
      "Access-Control-Max-Age": "7200",
    });
  }

  answer("POST", "/widget/v1/sessions", async (c) => {
    const named = c.req.query("channel_id");
    const known = named === undefined ? undefined : await enter(c, named, cost_of_writing);
    const { channel_id, ...input } = readInput(StartSession, await readJsonBody(c.req.raw, []));
    if (known && known.channel.id !== channel_id) throw new ApiError("not_found");
    return respondJson(c, await startSession(known ?? (await enter(c, channel_id, cost_of_writing)), input), 201);
  });

  answer("GET", "/widget/v1/messages", async (c) => {
    const [found, visitor] = await enterAsVisitor(c);
    const query = readQuery(c.req.url, { shape: ListVisitorMessages.def.shape, in_path: [] });
    return respondJson(c, await listVisitorMessages(found, visitor, readInput(ListVisitorMessages, query)));
  });

  answer("POST", "/widget/v1/messages", async (c) => {
    const [found, visitor] = await enterAsVisitor(c, cost_of_writing);
    const { message, is_new } = await receiveText(found, visitor, readInput(ReceiveText, await readJsonBody(c.req.raw, [])));
    return respondJson(c, message, is_new ? 201 : 200);
  });

  answer("POST", "/widget/v1/read", async (c) => {
    const [found, visitor] = await enterAsVisitor(c);
    return respondJson(c, await readMessages(found, visitor, readInput(ReadMessages, await readJsonBody(c.req.raw, []))));
  });

  answer("GET", "/widget/v1/events", async (c) => {
    // Its answer would have no body, and nobody to end it.
    if (c.req.method === "HEAD") throw notAllowed(c.req.path);
    const [found, visitor] = await enterAsVisitor(c);
    const start = await startOf(found, visitor, c.req.header("last-event-id"));
    const stream = streams.open({
      visitor: identityOf(found, visitor).value,
      address: limitSubject(addressOf(c)),
      workspace: found.ctx.workspace_id,
    });
    return eventStream(c, followMessages(found, visitor, start, stream, welcomeOf(c, found)), stream);
  });

  app.all("/widget/v1/*", (c) => sendProblem(c, notAllowed(c.req.path)));
  return app;
}

const methods: Record<string, string> = {
  "/widget/v1/sessions": "POST, OPTIONS",
  "/widget/v1/messages": "GET, HEAD, POST, OPTIONS",
  "/widget/v1/read": "POST, OPTIONS",
  "/widget/v1/events": "GET, OPTIONS",
};

function notAllowed(path: string): ApiError {
  const allow = Object.hasOwn(methods, path) ? methods[path]! : undefined;
  return allow === undefined
    ? new ApiError("not_found", { detail: "There is nothing at this path." })
    : new ApiError("method_not_allowed", { detail: `Use ${allow}.`, headers: { Allow: allow } });
}

/** Nothing of a visitor's is kept on the way, and an answer to one website is none to another. */
const guarded =
  (run: (c: Context<Front>) => Promise<Response>): Handler<Front> =>
  async (c) => {
    addHeaders(c, { "Cache-Control": "no-store", Vary: "Origin" });
    try {
      return await run(c);
    } catch (error) {
      return sendProblem(c, error);
    }
  };

const tokenOf = (c: Context): string | undefined => /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];

/**
 * To its own origin a browser names none when it only reads; that it is its own it says in a header which no page can write. Ours is
 * the public one, whatever a proxy shows.
 */
function originOf(c: Context<Front>): string | undefined {
  const is_own = c.req.header("sec-fetch-site") === "same-origin";
  return c.req.header("origin") ?? (is_own ? new URL(c.get("services").settings.public_url).origin : undefined);
}

/** Whether what let the page in still does: the widget, the page's origin and the visitor's token. */
function welcomeOf(c: Context<Front>, { channel }: Widget): () => Promise<boolean> {
  const [services, origin, token] = [c.get("services"), originOf(c), tokenOf(c) ?? ""];
  return async () => {
    try {
      const found = await findWidget(services, channel.id);
      assertAllowed(found, origin);
      readToken(found, token);
      return true;
    } catch (error) {
      if (error instanceof ApiError) return false;
      throw error;
    }
  };
}
