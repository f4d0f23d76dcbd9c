import { openCredentials } from "../channels/credentials.ts";
import { findHookedChannel, type Channel } from "../channels/find-hooked-channel.ts";
import { WebWidgetCredentials } from "../channels/providers/web-widget.ts";
import type { Ctx, Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";

/** A widget that is asked something, and a context that speaks for its workspace. */
export interface Widget extends WebWidgetCredentials {
  ctx: Ctx;
  channel: Channel;
}

/** The widget of a channel. Of another kind, foreign, disconnected and missing look the same. */
export async function findWidget(services: Services, channel_id: string): Promise<Widget> {
  const { ctx, channel } = await findHookedChannel(services, channel_id);
  if (channel.provider !== "web_widget" || channel.status === "disconnected") throw new ApiError("not_found");
  return { ctx, channel, ...WebWidgetCredentials.parse(openCredentials(ctx, channel.credentials)) };
}

/** A browser tells truly which website asks; whoever is no browser has no business here. */
export function assertAllowed({ allowed_origins }: Widget, origin: string | undefined): void {
  if (origin !== undefined && allowed_origins.includes(origin)) return;
  throw new ApiError("origin_not_allowed", {
    detail:
      origin === undefined ? "The request names no origin: it does not come from a web page." : "This website may not show the widget.",
  });
}
