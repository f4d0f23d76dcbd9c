import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { ChannelKind } from "../channels/contract.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { insertion, reading, slot, whose } from "../db/statement.ts";
import type { EventType } from "./define-event.ts";
import { events, webhook_deliveries, webhook_endpoints } from "./tables.ts";

/** What an event is about: endpoints choose by channel, the log is searched by conversation. */
interface Subject {
  channel: ChannelKind;
  conversation_id: Id<"conv"> | null;
}

/** Writes the event and one delivery for each endpoint that wants it, in the transaction of what caused it. */
export async function emit<D extends z.ZodType>(ctx: TxCtx, event: EventType<D>, data: z.input<D>, subject: Subject): Promise<void> {
  const { id, created_at: now } = await writeEvent(ctx, event, data, subject);
  const { workspace_id } = ctx;
  const subscribed = await subscribers(ctx.db, { workspace_id, event_types: [event.type], channels: [subject.channel] });
  if (subscribed.length === 0) return;

  await ctx.db.insert(webhook_deliveries).values(
    subscribed.map((endpoint) => ({
      workspace_id,
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

const subscribers = reading<{ id: Id<"whe"> }>(
  { id: webhook_endpoints.id },
  () => sql`select id from ${webhook_endpoints} where ${whose(webhook_endpoints)} and enabled and deleted_at is null
    and event_types @> ${slot(webhook_endpoints.event_types)} and (channels is null or channels @> ${slot(webhook_endpoints.channels)})`,
);

/** The payload is a snapshot: the exact text that every attempt will post. */
export async function writeEvent<D extends z.ZodType>(
  ctx: TxCtx,
  { type, data: contract }: EventType<D>,
  data: z.input<D>,
  { channel, conversation_id }: Subject,
  { is_test = false }: { is_test?: boolean } = {},
): Promise<{ id: Id<"evt">; created_at: Timestamp }> {
  const { workspace_id } = ctx;
  const now = ctx.now();
  const id = ctx.newId("evt");
  const payload = JSON.stringify({ id, type, timestamp: now, workspace_id, data: contract.parse(data) });
  await put(ctx.db, { workspace_id, id, type, channel, conversation_id, payload, is_test, created_at: now });
  return { id, created_at: now };
}

const put = insertion(events, "workspace_id", "id", "type", "channel", "conversation_id", "payload", "is_test", "created_at");
