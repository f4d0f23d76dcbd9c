import { and, asc, desc, eq, gt, inArray, lt } from "drizzle-orm";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { assertMine, findMine, mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { totalOf } from "../db/total.ts";
import type { DeliveryRef, DeliveryStatus, ListAttempts, ListDeliveries, StoredDeliveryStatus } from "./contract.ts";
import { presentAttempt, presentDelivery } from "./present.ts";
import { webhook_attempts, webhook_deliveries, webhook_endpoints } from "./tables.ts";

/** The delivery log, the newest first. */
export async function listDeliveries(ctx: Ctx, input: ListDeliveries) {
  const listing: Listing = { name: "webhook deliveries", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  await assertMine(ctx, webhook_endpoints, "/endpoint_id", input.endpoint_id);
  await assertMine(ctx, conversations, "/conversation_id", input.conversation_id);

  const filters = and(
    mine(ctx, webhook_deliveries),
    given(input.endpoint_id, (id) => eq(webhook_deliveries.endpoint_id, id)),
    given(input.status, (status) => inArray(webhook_deliveries.status, status.flatMap(onDisk))),
    given(input.event_type, (type) => eq(webhook_deliveries.event_type, type)),
    given(input.conversation_id, (id) => eq(webhook_deliveries.conversation_id, id)),
  );
  const rows = await ctx.db
    .select()
    .from(webhook_deliveries)
    .where(
      and(
        filters,
        given(position, ([, last]) => lt(webhook_deliveries.id, last as Id<"dlv">)),
      ),
    )
    .orderBy(desc(webhook_deliveries.id))
    .limit(input.limit + 1);
  const page = pageOf(ctx, listing, rows.map(presentDelivery), input.limit, (row) => [row.created_at, row.id]);
  return { ...page, ...(await totalOf(ctx, input, webhook_deliveries, filters)) };
}

const onDisk = (status: DeliveryStatus): StoredDeliveryStatus[] => (status === "pending" ? ["ready", "scheduled"] : [status]);

/** One delivery. */
export const findDelivery = async (ctx: Ctx, { delivery_id }: DeliveryRef) =>
  presentDelivery(await findMine(ctx, webhook_deliveries, delivery_id));

/** Every request that was made for a delivery, the first one first. */
export async function listAttempts(ctx: Ctx, input: ListAttempts) {
  const listing: Listing = { name: "webhook attempts", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  await findMine(ctx, webhook_deliveries, input.delivery_id);

  const filters = and(mine(ctx, webhook_attempts), eq(webhook_attempts.delivery_id, input.delivery_id));
  const rows = await ctx.db
    .select()
    .from(webhook_attempts)
    .where(
      and(
        filters,
        given(position, ([number]) => gt(webhook_attempts.number, Number(number))),
      ),
    )
    .orderBy(asc(webhook_attempts.number))
    .limit(input.limit + 1);
  const page = pageOf(ctx, listing, rows.map(presentAttempt), input.limit, (row) => [String(row.number), row.id]);
  return { ...page, ...(await totalOf(ctx, input, webhook_attempts, filters)) };
}
