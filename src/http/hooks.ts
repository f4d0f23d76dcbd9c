import { Hono, type Context } from "hono";
import { openCredentials } from "../channels/credentials.ts";
import { findHookedChannel } from "../channels/find-hooked-channel.ts";
import { providers } from "../channels/providers/all.ts";
import type { ProviderName } from "../channels/providers/provider.ts";
import { receiveEvent } from "../messages/receive-event.ts";
import { ApiError, unauthorized } from "../core/errors.ts";
import { limitBody, type Front } from "./front-door.ts";
import { sendProblem } from "./problem.ts";

/** Which providers call back where. */
const doors = new Map<string, readonly ProviderName[]>([
  ["meta", ["whatsapp", "instagram", "facebook_page"]],
  ["sandbox", ["sandbox"]],
]);

/** Meta's payloads reach 3 MB. */
const body_limit_bytes = 4 * 1024 * 1024;

/** Where providers call: `/hooks/meta/{channel_id}` and `/hooks/sandbox/{channel_id}`. */
export function hooks(): Hono<Front> {
  const app = new Hono<Front>();

  app.get("/hooks/:door/:channel_id", async (c) => {
    try {
      const { provider, credentials } = await hookedChannel(c);
      const answer = provider.handshake(new URL(c.req.url).searchParams, credentials);
      return answer === undefined
        ? sendProblem(c, new ApiError("forbidden", { detail: "The channel expects no such subscription." }))
        : c.text(answer);
    } catch (error) {
      return sendProblem(c, error);
    }
  });

  app.post("/hooks/:door/:channel_id", limitBody(body_limit_bytes), async (c) => {
    try {
      const { ctx, channel, provider, credentials } = await hookedChannel(c);
      const raw = new Uint8Array(await c.req.arrayBuffer());
      if (!provider.verify({ raw, header: (name) => c.req.header(name) }, credentials)) {
        throw unauthorized("unknown_token", "The signature does not match the body.");
      }
      let unheeded = 0;
      for (const event of provider.parse(raw, ctx.now())) {
        await receiveEvent(ctx, channel, event).catch((error: unknown) => {
          unheeded += 1;
          ctx.log.error({ err: error, channel_id: channel.id, dedupe_key: event.dedupe_key }, "an event was not taken in");
        });
      }
      // The provider tells it again, and what was taken in already is known by its key: nothing is lost.
      if (unheeded > 0) throw new ApiError("service_unavailable");
      return c.json({ received: true });
    } catch (error) {
      return sendProblem(c, error);
    }
  });
  return app;
}

async function hookedChannel(c: Context<Front>) {
  const { ctx, channel } = await findHookedChannel(c.var.services, c.req.param("channel_id") ?? "");
  if (!doors.get(c.req.param("door") ?? "")?.includes(channel.provider)) throw new ApiError("not_found");
  return { ctx, channel, provider: providers[channel.provider], credentials: openCredentials(ctx, channel.credentials) };
}
