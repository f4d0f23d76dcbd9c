import { and, desc, eq, gt, inArray, lt, sql } from "drizzle-orm";
import { channels } from "../channels/tables.ts";
import { contacts } from "../contacts/tables.ts";
import type { Ctx } from "../core/context.ts";
import { uuidOf } from "../core/ids.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { assertMine, mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import type { ListConversations } from "./contract.ts";
import { withWindow } from "./find-conversation.ts";
import { presentConversation } from "./present.ts";
import { conversations } from "./tables.ts";

/** Conversations, the one with the newest message first. */
export async function listConversations(ctx: Ctx, input: ListConversations) {
  const listing: Listing = { name: "conversations", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  await assertMine(ctx, channels, "/channel_id", input.channel_id);
  await assertMine(ctx, contacts, "/contact_id", input.contact_id);

  const { last_message_at, id } = conversations;
  const found = await withWindow(ctx)
    .where(
      and(
        mine(ctx, conversations),
        given(input.status, (status) => inArray(conversations.status, status)),
        given(input.channel, (channel) => inArray(conversations.channel, channel)),
        given(input.channel_id, (channel_id) => eq(conversations.channel_id, channel_id)),
        given(input.contact_id, (contact_id) => eq(conversations.contact_id, contact_id)),
        given(input.handler_mode, (handler_mode) => eq(conversations.handler_mode, handler_mode)),
        given(input.last_message_after, (moment) => gt(last_message_at, moment)),
        given(input.last_message_before, (moment) => lt(last_message_at, moment)),
        given(position, ([at, last]) => sql`(${last_message_at}, ${id}) < (${at}::timestamptz, ${uuidOf(last)}::uuid)`),
      ),
    )
    .orderBy(desc(last_message_at), desc(id))
    .limit(input.limit + 1);

  const rows = found.map(({ conversation, window_opened_at }) => presentConversation(ctx, conversation, window_opened_at));
  return pageOf(ctx, listing, rows, input.limit, (row) => [row.last_message_at, row.id]);
}
