import { and, arrayContains, eq, isNull, or } from "drizzle-orm";
import type { z } from "zod";
import type { ChannelKind } from "../channels/contract.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import type { EventType } from "./define-event.ts";
import { events, webhook_deliveries, webhook_endpoints } from "./tables.ts";

/** What an event is about: endpoints choose by channel, the log is searched by conversation. */
interface Subject {
  channel: ChannelKind;
  conversation_id: Id<"conv">;
}

/**
 * Writes the event and one delivery for each endpoint that wants it, in the transaction of what caused it.
 * The payload is a snapshot: the exact text that every attempt will post.
 */
export async function emit<D extends z.ZodType>(ctx: TxCtx, event: EventType<D>, data: z.input<D>, subject: Subject): Promise<void> {
  const now = ctx.now();
  const id = ctx.newId("evt");
  const body = { id, type: event.type, timestamp: now, workspace_id: ctx.workspace_id, data: event.data.parse(data) };
  await ctx.db.insert(events).values({
    workspace_id: ctx.workspace_id,
    id,
    type: event.type,
    channel: subject.channel,
    conversation_id: subject.conversation_id,
    payload: JSON.stringify(body),
    created_at: now,
  });

  const subscribed = await ctx.db
    .select({ id: webhook_endpoints.id })
    .from(webhook_endpoints)
    .where(
      and(
        mine(ctx, webhook_endpoints),
        eq(webhook_endpoints.enabled, true),
        isNull(webhook_endpoints.deleted_at),
        arrayContains(webhook_endpoints.event_types, [event.type]),
        or(isNull(webhook_endpoints.channels), arrayContains(webhook_endpoints.channels, [subject.channel])),
      ),
    );
  if (subscribed.length === 0) return;

  await ctx.db.insert(webhook_deliveries).values(
    subscribed.map((endpoint) => ({
      workspace_id: ctx.workspace_id,
      id: ctx.newId("dlv"),
      endpoint_id: endpoint.id,
      event_id: id,
      event_type: event.type,
      conversation_id: subject.conversation_id,
      status: "ready" as const,
      due_at: now,
      created_at: now,
      updated_at: now,
    })),
  );
  ctx.wake("webhooks");
}
