import { and, eq, inArray } from "drizzle-orm";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { assertMine, findMine, mine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import type { DeliveryRef, DeliveryStatus, ListAttempts, ListDeliveries, StoredDeliveryStatus } from "./contract.ts";
import { presentAttempt, presentDelivery } from "./present.ts";
import { webhook_attempts, webhook_deliveries, webhook_endpoints } from "./tables.ts";

/** The delivery log, the newest first. */
export async function listDeliveries(ctx: Ctx, input: ListDeliveries) {
  const listing: Listing = { name: "webhook deliveries", filters: input };
  await assertMine(ctx, webhook_endpoints, "/endpoint_id", input.endpoint_id);
  await assertMine(ctx, conversations, "/conversation_id", input.conversation_id);

  const filters = and(
    mine(ctx, webhook_deliveries),
    given(input.endpoint_id, (id) => eq(webhook_deliveries.endpoint_id, id)),
    given(input.status, (status) => inArray(webhook_deliveries.status, status.flatMap(onDisk))),
    given(input.event_type, (type) => eq(webhook_deliveries.event_type, type)),
    given(input.conversation_id, (id) => eq(webhook_deliveries.conversation_id, id)),
  );
  return readPage(ctx, webhook_deliveries, listing, input, filters, presentDelivery);
}

const onDisk = (status: DeliveryStatus): StoredDeliveryStatus[] => (status === "pending" ? ["ready", "scheduled"] : [status]);

/** One delivery. */
export const findDelivery = async (ctx: Ctx, { delivery_id }: DeliveryRef) =>
  presentDelivery(await findMine(ctx, webhook_deliveries, delivery_id));

/** Every request that was made for a delivery, the first one first. */
export async function listAttempts(ctx: Ctx, input: ListAttempts) {
  const listing: Listing = { name: "webhook attempts", filters: input };
  await findMine(ctx, webhook_deliveries, input.delivery_id);

  const filters = and(mine(ctx, webhook_attempts), eq(webhook_attempts.delivery_id, input.delivery_id));
  const by_number = { column: webhook_attempts.number, order: "asc" } as const;
  return readPage(ctx, webhook_attempts, listing, input, filters, presentAttempt, by_number);
}
