import { and, eq, isNull } from "drizzle-orm";
import { systemCtx, type Ctx, type Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { isId } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { openCredentials } from "./credentials.ts";
import type { InboundEvent } from "./providers/provider.ts";
import { channel_routes, channels } from "./tables.ts";

export type Channel = typeof channels.$inferSelect;

/** The channel that a provider's callback names in its URL, and a context that speaks for its workspace. */
export async function findHookedChannel(services: Services, channel_id: string): Promise<{ ctx: Ctx; channel: Channel }> {
  if (!isId("chan", channel_id)) throw new ApiError("not_found");
  const [row] = await services.db
    .select({ channel: channels })
    .from(channel_routes)
    .innerJoin(channels, and(eq(channels.workspace_id, channel_routes.workspace_id), eq(channels.id, channel_routes.channel_id)))
    .where(eq(channel_routes.channel_id, channel_id));
  if (!row) throw new ApiError("not_found");
  const { channel } = row;
  return { channel, ctx: systemCtx(services, channel.workspace_id, { type: "provider", id: channel.id, name: channel.provider }) };
}

/** One URL of an app may serve several accounts: each event goes to the channel of its own, if that is of the same app. */
export async function channelOfAccount(ctx: Ctx, hooked: Channel, { kind, account_id }: InboundEvent): Promise<Channel | undefined> {
  const named = kind === "template" ? "template_account" : "account_id";
  if (account_id === null || account_id === hooked[named]) return hooked;
  const found = await ctx.db
    .select()
    .from(channels)
    .where(and(mine(ctx, channels), eq(channels.provider, hooked.provider), eq(channels[named], account_id), isNull(channels.deleted_at)))
    .orderBy(channels.id);
  const app_of = ({ credentials }: Channel) => openCredentials(ctx, credentials)["app_secret"];
  return found.find((channel) => app_of(channel) === app_of(hooked));
}
