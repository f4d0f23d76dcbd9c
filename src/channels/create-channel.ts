import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError, invalid } from "../core/errors.ts";
import type { ChannelKind, CreateChannel, ProviderName } from "./contract.ts";
import { judgeAccount, sealCredentials } from "./credentials.ts";
import { keepTemplates } from "./keep-templates.ts";
import { presentChannel } from "./present.ts";
import type { GivenCredentials } from "./providers/provider.ts";
import { channel_routes, channels } from "./tables.ts";

/** Connects an account, if it is one that its provider could have, and has its templates fetched. */
export async function connectChannel(ctx: TxCtx, { channel, name, provider = channel, ...account }: CreateChannel) {
  if (provider !== "sandbox" && provider !== channel) {
    throw invalid({
      pointer: "/provider",
      code: "not_allowed",
      detail: `provider: ${channel} is carried by its own provider or the sandbox.`,
    });
  }
  const connected = await createChannel(ctx, { channel, provider, name, ...judgeAccount(provider, account) });
  if (connected.template_account !== null) await keepTemplates(ctx, connected);
  return presentChannel(ctx, connected);
}

interface NewChannel {
  channel: ChannelKind;
  provider: ProviderName;
  name: string;
  account_id: string;
  credentials: GivenCredentials;
}

/** A channel and the way to it. Its credentials are sealed before they are stored. */
export async function createChannel(ctx: TxCtx, { credentials, ...channel }: NewChannel) {
  const { workspace_id } = ctx;
  const now = ctx.now();
  const [created] = await ctx.db
    .insert(channels)
    .values({
      ...channel,
      workspace_id,
      id: ctx.newId("chan"),
      ...sealCredentials(ctx, channel, credentials),
      created_at: now,
      updated_at: now,
    })
    .onConflictDoNothing()
    .returning();
  if (!created) throw new ApiError("duplicate_channel");

  const { id, name, provider, account_id } = created;
  await ctx.db.insert(channel_routes).values({ channel_id: id, workspace_id });
  await record(ctx, "channel.created", id, { channel: created.channel, provider, name, account_id });
  return created;
}
