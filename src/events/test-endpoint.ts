import { randomUUID } from "node:crypto";
import { and, desc, eq } from "drizzle-orm";
import type { z } from "zod";
import type { Ctx, TxCtx } from "../core/context.ts";
import { uuidOf } from "../core/ids.ts";
import { after } from "../core/time.ts";
import { lease_ms } from "../db/lease.ts";
import { findMine, mine } from "../db/mine.ts";
import type { TestEndpoint, WebhookTest } from "../webhooks/contract.ts";
import { examplePayload } from "../webhooks/define-event.ts";
import { attemptDelivery } from "../dispatch/dispatch-deliveries.ts";
import { writeEvent } from "../webhooks/emit.ts";
import { liveEndpoint } from "../webhooks/find-endpoint.ts";
import { presentAttempt, presentDelivery } from "../webhooks/present.ts";
import { webhook_attempts, webhook_deliveries } from "../webhooks/tables.ts";
import { eventTypes } from "./catalogue.ts";

/** Writes an example as a delivery that is leased to whoever asks: a dispatcher has it only if they die over it. */
export async function prepareTest(ctx: TxCtx, { endpoint_id, event_type }: TestEndpoint): Promise<WebhookTest> {
  const endpoint = await liveEndpoint(ctx, endpoint_id);
  const event = eventTypes[event_type ?? endpoint.event_types[0]!];
  const { data } = examplePayload(event) as { data: z.input<typeof event.data> };
  const channel = endpoint.channels?.[0] ?? "whatsapp";
  const subject = { channel, conversation_id: null };
  const { id: event_id, created_at: now } = await writeEvent(ctx, event, data, subject, { is_test: true });
  const [delivery] = await ctx.db
    .insert(webhook_deliveries)
    .values({
      workspace_id: ctx.workspace_id,
      id: ctx.newId("dlv"),
      endpoint_id: endpoint.id,
      event_id,
      event_type: event.type,
      status: "delivering",
      trigger: "test",
      term: endpoint.term,
      due_at: now,
      lease_id: randomUUID(),
      lease_until: after(now, lease_ms),
      created_at: now,
      updated_at: now,
    })
    .returning();
  return { object: "webhook_test", delivery: presentDelivery(delivery!), attempt: null };
}

/** After the commit the dispatcher's own stages run on it. Disabled endpoints can be tested too: so one finds out whether they are mended. */
export async function runTest(ctx: Ctx, { delivery: { id } }: WebhookTest): Promise<WebhookTest> {
  const made = await findMine(ctx, webhook_deliveries, id);
  const { workspace_id, endpoint_id, lease_id, lease_until, attempts } = made;
  // Who asks again under the same Idempotency-Key is told how it went, or that it is on its way.
  if (lease_id !== null && lease_until !== null && !ctx.idempotency?.is_replayed)
    await attemptDelivery(ctx, { workspace_id, uuid: uuidOf(id), lane: uuidOf(endpoint_id), lease_id, lease_until, attempts });

  const delivery = await findMine(ctx, webhook_deliveries, id);
  const [attempt] = await ctx.db
    .select()
    .from(webhook_attempts)
    .where(and(mine(ctx, webhook_attempts), eq(webhook_attempts.delivery_id, delivery.id)))
    .orderBy(desc(webhook_attempts.number))
    .limit(1);
  return { object: "webhook_test", delivery: presentDelivery(delivery), attempt: attempt ? presentAttempt(attempt) : null };
}
