import { and, eq, or } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Consent } from "../channels/providers/provider.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { contact_addresses } from "./tables.ts";

/** Keeps what whoever just wrote on the channel said about being written to there, at the address they wrote from. */
export async function keepConsent(ctx: TxCtx, channel_id: Id<"chan">, from: Identity[], consent: Consent): Promise<void> {
  const addresses = from.map(({ kind, value }) => and(eq(contact_addresses.kind, kind), eq(contact_addresses.value, value)));
  await ctx.db
    .update(contact_addresses)
    .set({ opted_out_at: consent === "withdrawn" ? ctx.now() : null })
    .where(and(mine(ctx, contact_addresses), eq(contact_addresses.channel_id, channel_id), or(...addresses)));
}
