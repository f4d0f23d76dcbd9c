import { sql, type SQL } from "drizzle-orm";
import type { z } from "zod";
import type { ChannelKind } from "../channels/contract.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { shapeOf } from "../core/shape.ts";
import { insertionOfAll } from "../db/insert-all.ts";
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
  const { workspace_id } = ctx;
  // In one round trip, and in one packet where the shorter one goes first.
  const [subscribed, told] = await Promise.all([
    subscribers(ctx.db, { workspace_id, event_types: [event.type], channels: [subject.channel] }),
    writeEvent(ctx, event, data, subject),
  ]);
  if (subscribed.length === 0) return;

  await putDeliveries(
    ctx.db,
    subscribed.map((endpoint) => deliveryTo(ctx, endpoint, told)),
  );
  ctx.wake("webhooks");
}

/** Many events of one kind at once, in as many statements as one takes. */
export async function emitAll<D extends z.ZodType>(
  ctx: TxCtx,
  event: EventType<D>,
  happened: readonly { data: z.input<D>; subject: Subject }[],
): Promise<void> {
  if (happened.length === 0) return;
  const told = happened.map(({ data, subject }) => eventRow(ctx, event, data, subject));
  await putEvents(ctx.db, told);
  const endpoints = await subscribersOnAny(ctx.db, { workspace_id: ctx.workspace_id, event_types: [event.type] });
  const deliveries = told.flatMap((row) =>
    endpoints
      .filter(({ channels }) => channels === null || channels.includes(row.channel))
      .map((endpoint) => deliveryTo(ctx, endpoint, row)),
  );
  if (deliveries.length === 0) return;
  await putDeliveries(ctx.db, deliveries);
  ctx.wake("webhooks");
}

interface Subscriber {
  id: Id<"whe">;
  term: number;
}

const wanting = (): SQL => sql`from ${webhook_endpoints} where ${whose(webhook_endpoints)} and enabled and deleted_at is null
    and event_types @> ${slot(webhook_endpoints.event_types)}`;
const subscribers = reading<Subscriber>(
  { id: webhook_endpoints.id, term: webhook_endpoints.term },
  () => sql`select id, term ${wanting()} and (channels is null or channels @> ${slot(webhook_endpoints.channels)})`,
);
const subscribersOnAny = reading<Subscriber & { channels: ChannelKind[] | null }>(
  { id: webhook_endpoints.id, term: webhook_endpoints.term, channels: webhook_endpoints.channels },
  () => sql`select id, term, channels ${wanting()}`,
);

type Told = ReturnType<typeof eventRow>;

function deliveryTo(ctx: TxCtx, { id: endpoint_id, term }: Subscriber, { id: event_id, type, conversation_id, created_at }: Told) {
  return {
    workspace_id: ctx.workspace_id,
    id: ctx.newId("dlv"),
    endpoint_id,
    event_id,
    event_type: type,
    conversation_id,
    status: "ready" as const,
    term,
    due_at: created_at,
    created_at,
    updated_at: created_at,
  };
}

/** The payload is a snapshot: the exact text that every attempt will post. */
export async function writeEvent<D extends z.ZodType>(
  ctx: TxCtx,
  event: EventType<D>,
  data: z.input<D>,
  subject: Subject,
  { is_test = false }: { is_test?: boolean } = {},
): Promise<Told> {
  const row = eventRow(ctx, event, data, subject, is_test);
  await putEvent(ctx.db, row);
  return row;
}

function eventRow<D extends z.ZodType>(
  ctx: TxCtx,
  { type, data: contract }: EventType<D>,
  data: z.input<D>,
  { channel, conversation_id }: Subject,
  is_test = false,
) {
  const { workspace_id } = ctx;
  const created_at = ctx.now();
  const id = ctx.newId("evt");
  const payload = JSON.stringify({ id, type, timestamp: created_at, workspace_id, data: shapeOf(contract).parse(data) });
  return { workspace_id, id, type, channel, conversation_id, payload, is_test, created_at };
}

const event_columns = ["workspace_id", "id", "type", "channel", "conversation_id", "payload", "is_test", "created_at"] as const;
const putEvent = insertion(events, ...event_columns);
const putEvents = insertionOfAll(events, ...event_columns);
const putDeliveries = insertionOfAll(
  webhook_deliveries,
  "workspace_id",
  "id",
  "endpoint_id",
  "event_id",
  "event_type",
  "conversation_id",
  "status",
  "term",
  "due_at",
  "created_at",
  "updated_at",
);
