import { Hono, type Context } from "hono";
import { openCredentials } from "../channels/credentials.ts";
import { findHookedChannel } from "../channels/find-hooked-channel.ts";
import { providers } from "../channels/providers/all.ts";
import type { HookRequest } from "../channels/providers/provider.ts";
import { receiveEvent } from "../messages/receive-event.ts";
import { ApiError, unauthorized } from "../core/errors.ts";
import { readBytes } from "./body.ts";
import { limitBody, type Front } from "./front-door.ts";
import { sendProblem } from "./problem.ts";
import { respond, respondJson } from "./respond.ts";

/** Meta's payloads reach 3 MB. */
const body_limit_bytes = 4 * 1024 * 1024;

/** Where providers call: `/hooks/meta/{channel_id}`, `/hooks/sandbox/{channel_id}`, `/hooks/twilio/{channel_id}/{hook}`. */
export function hooks(): Hono<Front> {
  const app = new Hono<Front>();
  for (const path of ["/hooks/:door/:channel_id", "/hooks/:door/:channel_id/:hook"]) {
    app.get(path, subscribe);
    app.post(path, limitBody(body_limit_bytes), receive);
  }
  return app;
}

async function subscribe(c: Context<Front>): Promise<Response> {
  try {
    const { provider, credentials } = await hookedChannel(c);
    const answer = provider.handshake(new URL(c.req.url).searchParams, credentials);
    return answer === undefined
      ? sendProblem(c, new ApiError("forbidden", { detail: "The channel expects no such subscription." }))
      : respond(c, answer, 200, { "Content-Type": "text/plain; charset=utf-8" });
  } catch (error) {
    return sendProblem(c, error);
  }
}

async function receive(c: Context<Front>): Promise<Response> {
  try {
    const { ctx, channel, provider, credentials } = await hookedChannel(c);
    const request = await requestOf(c);
    if (!provider.verify(request, credentials)) {
      throw unauthorized("unknown_token", "The signature does not match the body.");
    }
    let unheeded = 0;
    for (const event of provider.parse(request.raw, ctx.now(), request.url)) {
      await receiveEvent(ctx, channel, event).catch((error: unknown) => {
        unheeded += 1;
        // Not by its key: some of them hold the number of whoever wrote.
        ctx.log.error({ err: error, channel_id: channel.id, kind: event.kind }, "an event was not taken in");
      });
    }
    // The provider tells it again, and what was taken in already is known by its key: nothing is lost.
    if (unheeded > 0) throw new ApiError("service_unavailable");
    const answer = provider.answer?.(request, credentials);
    return answer ? respond(c, answer.body, 200, { "Content-Type": answer.content_type }) : respondJson(c, { received: true });
  } catch (error) {
    return sendProblem(c, error);
  }
}

async function requestOf(c: Context<Front>): Promise<HookRequest> {
  const { pathname, search } = new URL(c.req.url);
  return {
    url: `${c.get("services").settings.public_url}${pathname}${search}`,
    raw: new Uint8Array(await readBytes(c.req.raw)),
    header: (name) => c.req.header(name),
  };
}

async function hookedChannel(c: Context<Front>) {
  const { ctx, channel } = await findHookedChannel(c.get("services"), c.req.param("channel_id") ?? "");
  const provider = providers[channel.provider];
  const is_ours = provider.door === c.req.param("door") && (provider.hooks ?? [""]).includes(c.req.param("hook") ?? "");
  if (!is_ours) throw new ApiError("not_found");
  return { ctx, channel, provider, credentials: openCredentials(ctx, channel.credentials) };
}
