import { and, eq, type SQL } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import type { TxCtx } from "../core/context.ts";
import { isId } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { applyHeld } from "./apply-held.ts";
import { isForeign, takeOver } from "./foreign.ts";
import { judgeReport } from "./judge-report.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

type Status = Extract<InboundEvent, { kind: "status" }>;

/** A provider's report of a message of ours. One that comes before the send call's own answer is kept for it. */
export async function applyStatus(ctx: TxCtx, channel: Channel, event: Status): Promise<Effect> {
  await takeTurnOn(ctx, channel.id, event.external_id);
  const message = await findReported(ctx, channel, event);
  if (!message) return { outcome: "held", held: { status: event.status, occurred_at: event.occurred_at, error: event.error } };
  if (message.direction === "inbound") return { outcome: "ignored", detail: "a report of an inbound message" };
  if (isOfPastAttempt(message, event)) {
    await rememberAttempt(ctx, message, event.external_id);
    return { outcome: "ignored", detail: "of an attempt before this one" };
  }

  const external_id = message.external_id ?? event.external_id;
  await ctx.db
    .update(messages)
    .set({ ...judgeReport(message, event), external_id, updated_at: ctx.now() })
    .where(and(mine(ctx, messages), eq(messages.id, message.id)));
  if (message.external_id === null) await applyHeld(ctx, { ...message, external_id });
  return { outcome: "applied" };
}

/**
 * A report of an attempt that failed, whose message is on its way again: it says nothing of this one, unless that the
 * message has arrived. That what waits has failed can only be told of an attempt before it, whose id we never learnt.
 */
function isOfPastAttempt({ status, past_external_ids }: MessageRow, told: Status): boolean {
  if (told.status === "delivered" || told.status === "read") return false;
  const is_waiting = status === "queued" || status === "scheduled";
  return past_external_ids.includes(told.external_id) || (is_waiting && told.status === "failed");
}

async function rememberAttempt(ctx: TxCtx, { id, past_external_ids }: MessageRow, external_id: string): Promise<void> {
  if (past_external_ids.includes(external_id)) return;
  await ctx.db
    .update(messages)
    .set({ past_external_ids: [...past_external_ids, external_id] })
    .where(and(mine(ctx, messages), eq(messages.id, id)));
}

/** By the provider's id, or, where we do not know that yet, by our own that went with the message. */
async function findReported(ctx: TxCtx, channel: Channel, { external_id, message_id }: Status): Promise<MessageRow | undefined> {
  const find = async (which: SQL) => {
    const [message] = await ctx.db
      .select()
      .from(messages)
      .where(and(mine(ctx, messages), eq(messages.channel_id, channel.id), which))
      .for("update");
    return message;
  };
  const known = await find(eq(messages.external_id, external_id));
  if ((known && !isForeign(known)) || message_id === null || !isId("msg", message_id)) return known;
  const named = await find(eq(messages.id, message_id));
  if (!known || !named) return named ?? known;
  return named.external_id === null ? takeOver(ctx, named.id, known) : known;
}
