import type { TxCtx } from "../core/context.ts";
import type { ChannelKind } from "./contract.ts";
import { sealCredentials } from "./credentials.ts";
import type { GivenCredentials, ProviderName } from "./providers/provider.ts";
import { channel_routes, channels } from "./tables.ts";

interface NewChannel {
  channel: ChannelKind;
  provider: ProviderName;
  name: string;
  account_id: string;
  credentials: GivenCredentials;
}

/** Connects a channel. Its credentials are sealed before they are stored. */
export async function createChannel(ctx: TxCtx, { credentials, ...channel }: NewChannel) {
  const id = ctx.newId("chan");
  const now = ctx.now();
  await ctx.db.insert(channels).values({
    ...channel,
    workspace_id: ctx.workspace_id,
    id,
    credentials: sealCredentials(ctx, credentials),
    created_at: now,
    updated_at: now,
  });
  await ctx.db.insert(channel_routes).values({ channel_id: id, workspace_id: ctx.workspace_id });
  return { id };
}
