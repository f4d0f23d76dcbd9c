import { and, eq, gt, inArray } from "drizzle-orm";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import { readFeed } from "../db/feed.ts";
import { assertMine, findMine, mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { events } from "../webhooks/tables.ts";
import type { Event, EventRef, ListEvents } from "./contract.ts";

/** What happened, as a feed: for whoever polls instead of, or beside, receiving webhooks. */
export async function listEvents(ctx: Ctx, input: ListEvents) {
  await assertMine(ctx, conversations, "/conversation_id", input.conversation_id);
  const filters = and(
    mine(ctx, events),
    eq(events.is_test, false),
    given(input.type, (type) => inArray(events.type, type)),
    given(input.conversation_id, (id) => eq(events.conversation_id, id)),
    given(input.created_after, (moment) => gt(events.created_at, moment)),
  );
  return readFeed(ctx, events, { name: "events", filters: input }, input, filters, presentEvent, "evt");
}

/** One event. */
export const findEvent = async (ctx: Ctx, { event_id }: EventRef) => presentEvent(await findMine(ctx, events, event_id));

const presentEvent = ({ payload, ...row }: typeof events.$inferSelect): Event => ({
  ...row,
  object: "event",
  payload: JSON.parse(payload) as Record<string, unknown>,
});
