import { and, asc, eq, or } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect, type HeldReport } from "../channels/note-event.ts";
import type { DeliveryState, InboundEvent } from "../channels/providers/provider.ts";
import type { TxCtx } from "../core/context.ts";
import { isId } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import type { StoredMessageStatus } from "./contract.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

type Status = Extract<InboundEvent, { kind: "status" }>;

/** A provider's report of a message of ours. One that comes before the send call's own answer is kept for it. */
export async function applyStatus(ctx: TxCtx, channel: Channel, event: Status): Promise<Effect> {
  await takeTurnOn(ctx, channel.id, event.external_id);
  const [message] = await ctx.db
    .select()
    .from(messages)
    .where(
      and(
        mine(ctx, messages),
        eq(messages.channel_id, channel.id),
        or(
          eq(messages.external_id, event.external_id),
          event.message_id !== null && isId("msg", event.message_id) ? eq(messages.id, event.message_id) : undefined,
        ),
      ),
    )
    .orderBy(asc(messages.id))
    .limit(1)
    .for("update");
  if (!message) return { outcome: "held", held: { status: event.status, occurred_at: event.occurred_at, error: event.error } };
  if (message.direction === "inbound") return { outcome: "ignored", detail: "a report of an inbound message" };

  await ctx.db
    .update(messages)
    .set({ ...changeOf(message, event), external_id: event.external_id, updated_at: ctx.now() })
    .where(and(mine(ctx, messages), eq(messages.id, message.id)));
  return { outcome: "applied" };
}

/** How far along a message is. Reports come in any order and never move it back. */
const progress: Record<StoredMessageStatus, number> = {
  queued: 0,
  scheduled: 0,
  sending: 0,
  unknown: 0,
  received: 0,
  failed: 1,
  sent: 1,
  delivered: 2,
  read: 3,
};

const stamp = { sent: "sent_at", delivered: "delivered_at", read: "read_at", failed: "failed_at" } as const satisfies Record<DeliveryState, keyof MessageRow>;

/** What a report changes: its own time stamp, and the status where it is news. `failed` only if not delivered. */
export function changeOf(message: MessageRow, { status, occurred_at, error }: HeldReport): Partial<MessageRow> {
  const stamped = { [stamp[status]]: message[stamp[status]] ?? occurred_at };
  const news = status === "failed" ? progress[message.status] <= progress.sent : progress[status] > progress[message.status];
  if (!news) return status === "failed" ? {} : stamped;
  return { ...stamped, status, error: status === "failed" ? error : null, lease_id: null, lease_until: null };
}
