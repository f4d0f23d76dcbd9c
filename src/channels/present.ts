import type { Ctx } from "../core/context.ts";
import { capabilities, contentTypes } from "./capabilities.ts";
import type { Channel, ChannelKind, MediaType } from "./contract.ts";
import { providers } from "./providers/all.ts";
import type { channels } from "./tables.ts";

type ChannelRow = typeof channels.$inferSelect;

export const presentChannel = (ctx: Ctx, row: ChannelRow): Channel => ({
  ...row,
  object: "channel",
  capabilities: presentCapabilities(row.channel),
  hook_urls: hookUrls(ctx, row),
});

export function presentCapabilities(channel: ChannelKind): Channel["capabilities"] {
  const { text_limit, captions, window: messaging_window, human_agent, templates } = capabilities[channel];
  const media = Object.entries(captions).map(([media_type, caption_limit]) => ({ media_type: media_type as MediaType, caption_limit }));
  return { content_types: contentTypes(channel), text_limit, media, messaging_window, human_agent, templates };
}

/** By the public name, as the provider must know it: some sign the URL. */
function hookUrls({ settings }: Ctx, { id, provider }: ChannelRow): Channel["hook_urls"] {
  const { door, hooks, entered_hooks = hooks } = providers[provider];
  if (door === null) return [];
  const url = `${settings.public_url}/hooks/${door}/${id}`;
  return entered_hooks ? entered_hooks.map((hook) => ({ hook, url: `${url}/${hook}` })) : [{ hook: "callback", url }];
}
