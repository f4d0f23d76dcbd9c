import { isDeepStrictEqual } from "node:util";
import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { between, changesOf } from "../core/changes.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { UpdateChannel } from "./contract.ts";
import { judgeAccount, openCredentials, sealCredentials } from "./credentials.ts";
import { liveChannel } from "./find-channel.ts";
import type { Channel } from "./find-hooked-channel.ts";
import { keepTemplates } from "./keep-templates.ts";
import { presentChannel } from "./present.ts";
import type { GivenCredentials } from "./providers/provider.ts";
import { channels } from "./tables.ts";

/** Changes what is named and leaves the rest. What is so already is no change. What is on its way goes with the credentials that it left with. */
export async function updateChannel(ctx: TxCtx, input: UpdateChannel) {
  const channel = await liveChannel(ctx, input.channel_id, { lock: "update" });
  const changes = changesOf(channel, wantedOf(ctx, channel, input));
  if (Object.keys(changes).length === 0) return presentChannel(ctx, channel);

  const [updated] = await ctx.db
    .update(channels)
    .set({ ...changes, updated_at: ctx.now() })
    .where(and(mine(ctx, channels), eq(channels.id, channel.id)))
    .returning();
  if (changes.template_account !== undefined) await keepTemplates(ctx, updated!);
  // Of credentials it is told that they were changed.
  const { name, status } = changes;
  const told = between(channel, { ...(name !== undefined && { name }), ...(status !== undefined && { status }) });
  await record(ctx, "channel.updated", channel.id, {
    ...told,
    changed: [...told.changed, ...(changes.credentials === undefined ? [] : ["credentials"])],
  });
  return presentChannel(ctx, updated!);
}

/** All the columns that are to be otherwise. */
function wantedOf(ctx: TxCtx, channel: Channel, { name, status: asked, credentials }: UpdateChannel) {
  const renewed = newCredentials(ctx, channel, credentials);
  // A fresh start: how the channel fared with the old credentials says nothing of the new ones.
  const mended = channel.status === "error" && renewed !== undefined ? "connected" : undefined;
  const status = asked ?? mended;
  return {
    name,
    status,
    ...(renewed && { ...renewed, verified_at: null, error: null }),
    ...(status === "connected" && { error: null }),
  };
}

/** Field by field: nobody can repeat the secrets that are to stay, for they are never shown. */
function newCredentials(ctx: TxCtx, channel: Channel, patch: UpdateChannel["credentials"]) {
  if (patch === undefined) return undefined;
  const held: GivenCredentials = openCredentials(ctx, channel.credentials);
  const kept = Object.entries({ ...held, ...patch }).filter((entry): entry is [string, string | string[] | undefined] => entry[1] !== null);
  const { credentials } = judgeAccount(channel.provider, { account_id: channel.account_id, credentials: Object.fromEntries(kept) });
  return isDeepStrictEqual(held, credentials) ? undefined : sealCredentials(ctx, channel, credentials);
}
