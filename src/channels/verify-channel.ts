import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import type { ChannelRef, ChannelVerification } from "./contract.ts";
import { openCredentials } from "./credentials.ts";
import { liveChannel } from "./find-channel.ts";
import type { Channel } from "./find-hooked-channel.ts";
import { presentChannel } from "./present.ts";
import { providers } from "./providers/all.ts";
import type { Probe } from "./providers/provider.ts";
import { channels } from "./tables.ts";

interface Probed {
  /** What was asked with, sealed. */
  credentials: string;
  probe: Probe;
}

/** Asks the provider, before the transaction: that takes the network. */
export async function probeChannel(ctx: Ctx, { channel_id }: ChannelRef): Promise<Probed> {
  const { provider, account_id, credentials } = await liveChannel(ctx, channel_id);
  return { credentials, probe: await providers[provider].probe(account_id, openCredentials(ctx, credentials), ctx) };
}

/** Notes on the channel what its provider said of it. */
export async function verifyChannel(ctx: TxCtx, { channel_id }: ChannelRef, { credentials, probe }: Probed): Promise<ChannelVerification> {
  const channel = await liveChannel(ctx, channel_id, { lock: "update" });
  const checked_at = ctx.now();
  // What was said of credentials that were replaced meanwhile says nothing of the channel.
  const noted = channel.credentials === credentials ? await note(ctx, channel, probe, checked_at) : channel;
  const { code, detail, provider_code } = probe.ok ? { code: null, detail: probe.detail, provider_code: null } : probe.error;
  await record(ctx, "channel.verified", channel.id, { ok: probe.ok, code, provider_code });
  return { object: "channel_verification", ok: probe.ok, code, detail, provider_code, checked_at, channel: presentChannel(ctx, noted) };
}

async function note(ctx: TxCtx, channel: Channel, probe: Probe, now: Timestamp): Promise<Channel> {
  if (!probe.ok && probe.is_passing) return channel;
  const found = probe.ok
    ? { status: "connected" as const, error: null, verified_at: now }
    : { status: "error" as const, error: probe.error };
  // Whoever disconnected it decides when it is connected again.
  const status = channel.status === "disconnected" ? "disconnected" : found.status;
  const [noted] = await ctx.db
    .update(channels)
    .set({ ...found, status, updated_at: now })
    .where(and(mine(ctx, channels), eq(channels.id, channel.id)))
    .returning();
  return noted!;
}
