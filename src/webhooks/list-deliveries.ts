import { and, eq, gt, inArray, isNotNull, isNull, lt, or, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { createdWithin } from "../db/created-within.ts";
import { assertMine, findMine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import type {
  DeliveryRef,
  DeliveryStatus,
  ListAttempts,
  ListDeliveries,
  ListEndpointDeliveries,
  ResponseClass,
  StoredDeliveryStatus,
} from "./contract.ts";
import { liveEndpoint } from "./find-endpoint.ts";
import { presentAttempt, presentDelivery } from "./present.ts";
import { events, webhook_attempts, webhook_deliveries, webhook_endpoints } from "./tables.ts";

/** The delivery log, the newest first. */
export async function listDeliveries(ctx: Ctx, input: ListDeliveries) {
  await assertMine(ctx, webhook_endpoints, "/endpoint_id", input.endpoint_id);
  return readLog(ctx, { name: "webhook deliveries", filters: input }, input);
}

/** The log of one endpoint. What was deleted has no log here, only among all. */
export async function listEndpointDeliveries(ctx: Ctx, input: ListEndpointDeliveries) {
  await liveEndpoint(ctx, input.endpoint_id);
  return readLog(ctx, { name: "endpoint deliveries", filters: input }, input);
}

async function readLog(ctx: Ctx, listing: Listing, input: ListDeliveries) {
  await assertMine(ctx, events, "/event_id", input.event_id);
  await assertMine(ctx, conversations, "/conversation_id", input.conversation_id);
  const { last_status_code, last_attempt_at } = webhook_deliveries;
  const filters = and(
    given(input.endpoint_id, (id) => eq(webhook_deliveries.endpoint_id, id)),
    given(input.event_type, (types) => inArray(webhook_deliveries.event_type, types)),
    given(input.response_class, (classes) => and(isNotNull(last_attempt_at), answeredWith(last_status_code, classes))!),
    given(input.event_id, (id) => eq(webhook_deliveries.event_id, id)),
    given(input.conversation_id, (id) => eq(webhook_deliveries.conversation_id, id)),
    createdWithin(webhook_deliveries, "dlv", input),
  );
  const states = { column: webhook_deliveries.status, any_of: input.status?.flatMap(onDisk) };
  return readPage(ctx, webhook_deliveries, listing, input, filters, presentDelivery, { states });
}

/** A class is its first digit; no answer is none. */
function answeredWith(status_code: AnyPgColumn, classes: ResponseClass[]): SQL {
  const digits = classes.filter((name) => name !== "none").map((name) => Number(name[0]));
  return or(
    classes.includes("none") ? isNull(status_code) : undefined,
    digits.length > 0 ? inArray(sql`${status_code} / 100`, digits) : undefined,
  )!;
}

const onDisk = (status: DeliveryStatus): StoredDeliveryStatus[] => (status === "pending" ? ["ready", "scheduled"] : [status]);

/** One delivery. */
export const findDelivery = async (ctx: Ctx, { delivery_id }: DeliveryRef) =>
  presentDelivery(await findMine(ctx, webhook_deliveries, delivery_id));

/** Every request that was made for a delivery, the first one first. */
export async function listAttempts(ctx: Ctx, input: ListAttempts) {
  const listing: Listing = { name: "webhook attempts", filters: input };
  await findMine(ctx, webhook_deliveries, input.delivery_id);

  const filters = and(
    eq(webhook_attempts.delivery_id, input.delivery_id),
    given(input.trigger, (triggers) => inArray(webhook_attempts.trigger, triggers)),
    given(input.error, (errors) => inArray(webhook_attempts.error, errors)),
    given(input.response_class, (classes) => answeredWith(webhook_attempts.status_code, classes)),
    given(input.created_after, (moment) => gt(webhook_attempts.created_at, moment)),
    given(input.created_before, (moment) => lt(webhook_attempts.created_at, moment)),
  );
  const by_number = { column: webhook_attempts.number, order: "asc" } as const;
  return readPage(ctx, webhook_attempts, listing, input, filters, presentAttempt, by_number);
}
