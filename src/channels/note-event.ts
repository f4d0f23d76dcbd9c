import { and, eq, sql } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { Channel } from "./find-hooked-channel.ts";
import type { CallNews, CallPart, InboundEvent } from "./providers/provider.ts";
import { wholeOf } from "./parts.ts";
import { provider_events } from "./tables.ts";

/** What is kept until its message, or its call, is known. */
export type Held = HeldReport | HeldRevision | CallNews | CallPart;

/** What is told of a message that nobody knows yet. */
export type HeldReport = Pick<Extract<InboundEvent, { kind: "status" }>, "status" | "occurred_at" | "error">;
export type HeldRevision = Pick<Extract<InboundEvent, { kind: "revision" }>, "content" | "occurred_at">;

export type Effect = { outcome: "applied" } | { outcome: "ignored"; detail: string } | { outcome: "held"; held: Held };

/** Records an event by its dedupe key and lets it take effect; one that is known already does nothing. */
export async function noteEvent(ctx: TxCtx, channel: Channel, event: InboundEvent, take: () => Promise<Effect> | Effect): Promise<void> {
  const [noted] = await ctx.db
    .insert(provider_events)
    .values({
      workspace_id: ctx.workspace_id,
      channel_id: channel.id,
      dedupe_key: event.dedupe_key,
      kind: event.kind,
      external_id: "external_id" in event ? event.external_id : null,
      outcome: "applied",
      raw: JSON.stringify(event.raw) ?? "null",
      received_at: ctx.now(),
    })
    .onConflictDoNothing()
    .returning({ kind: provider_events.kind });
  if (!noted) return;

  const effect = await take();
  if (effect.outcome === "applied") return;
  await ctx.db
    .update(provider_events)
    .set(effect)
    .where(and(mine(ctx, provider_events), eq(provider_events.channel_id, channel.id), eq(provider_events.dedupe_key, event.dedupe_key)));
}

/**
 * The answer of a send call and the provider's report of the same message may come at one moment; whoever
 * asks for this first goes first, and the other sees what was done. The parts of one message have one turn.
 */
export async function takeTurnOn(ctx: TxCtx, channel_id: string, external_id: string): Promise<void> {
  await ctx.db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${channel_id} ${wholeOf(external_id)}`}, 0))`);
}
