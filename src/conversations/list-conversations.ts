import { and, arrayContains, asc, desc, eq, gt, inArray, isNull, lt, sql } from "drizzle-orm";
import { channels } from "../channels/tables.ts";
import { findContact } from "../contacts/find-contact.ts";
import { contacts } from "../contacts/tables.ts";
import type { Ctx } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { createdWithin } from "../db/created-within.ts";
import { inAnyOf, inStates } from "../db/in-states.ts";
import { assertMine, mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { totalOf } from "../db/total.ts";
import { foundBy } from "../search/found-by.ts";
import { members } from "../team/tables.ts";
import { ConversationStatus, type ListContactConversations, type ListConversations } from "./contract.ts";
import { isOpen, withSurroundings } from "./find-conversation.ts";
import { placesOfConversations } from "./places.ts";
import { presentConversation } from "./present.ts";
import { conversations } from "./tables.ts";

/** Conversations, unless the request says otherwise the one with the newest message first. */
export async function listConversations(ctx: Ctx, input: ListConversations) {
  await assertMine(ctx, channels, "/channel_id", input.channel_id);
  await assertMine(ctx, contacts, "/contact_id", input.contact_id);
  await assertMine(ctx, members, "/assignee_id", input.assignee_id === "none" ? undefined : input.assignee_id);
  return readPage(ctx, { name: "conversations", filters: input }, input);
}

/** The conversations with one contact, the one with the newest message first. */
export async function listContactConversations(ctx: Ctx, input: ListContactConversations) {
  await findContact(ctx, input);
  return readPage(ctx, { name: "contact conversations", filters: input }, { ...input, sort: "-last_message_at" });
}

async function readPage(ctx: Ctx, listing: Listing, input: ListConversations) {
  const position = readCursor(ctx, listing, input.cursor);
  const { updated_at, last_message_at } = conversations;
  const filters = and(
    mine(ctx, conversations),
    given(input.channel, (channel) => inArray(conversations.channel, channel)),
    given(input.channel_id, (channel_id) => eq(conversations.channel_id, channel_id)),
    given(input.contact_id, (contact_id) => eq(conversations.contact_id, contact_id)),
    given(input.handler_mode, (handler_mode) => eq(conversations.handler_mode, handler_mode)),
    given(input.assignee_id, (id) => (id === "none" ? isNull(conversations.assignee_id) : eq(conversations.assignee_id, id))),
    given(input.priority, (priority) => inArray(conversations.priority, priority)),
    given(input.tag, (tag) => arrayContains(conversations.tags, [tag])),
    given(input.q, (q) => foundBy(ctx, conversations.id, q, placesOfConversations(ctx))),
    createdWithin(conversations, "conv", input),
    given(input.updated_after, (moment) => gt(updated_at, moment)),
    given(input.updated_before, (moment) => lt(updated_at, moment)),
    given(input.last_message_after, (moment) => gt(last_message_at, moment)),
    given(input.last_message_before, (moment) => lt(last_message_at, moment)),
  );
  const { sorted_by, order, beyond } = orderOf(input.sort);
  const limit = input.limit + 1;
  const states = { column: conversations.status, any_of: statusesOf(input) };
  const chosen = inStates(ctx, conversations, states, { rest: and(filters, given(position, beyond)), order, limit });
  const found = await withSurroundings.where(ctx.db, sql`${chosen} order by ${order} limit ${limit}`);

  const rows = found.map(({ conversation, ...surroundings }) => presentConversation(ctx, conversation, surroundings));
  const page = pageOf(ctx, listing, rows, input.limit, (row) => [row[sorted_by], row.id]);
  return { ...page, ...(await totalOf(ctx, input, conversations, and(filters, inAnyOf(states)))) };
}

function statusesOf({ status, is_open }: Pick<ListConversations, "status" | "is_open">): readonly ConversationStatus[] | undefined {
  if (is_open === undefined) return status;
  return (status ?? ConversationStatus.options).filter((one) => isOpen(one) === is_open);
}

/** Each order is that of an index. Ids are made in order of time, so they are the order of creation. */
function orderOf(sort: ListConversations["sort"]) {
  const sorted_by = sort.replace("-", "") as "last_message_at" | "created_at" | "updated_at";
  const [direction, is_beyond, sign] = sort.startsWith("-") ? [desc, lt, sql`<`] : [asc, gt, sql`>`];
  const { [sorted_by]: column, id } = conversations;
  type Position = readonly [at: string, id: string];
  if (sorted_by === "created_at")
    return { sorted_by, order: direction(id), beyond: ([, last]: Position) => is_beyond(id, last as Id<"conv">) };
  return {
    sorted_by,
    order: sql`${direction(column)}, ${direction(id)}`,
    beyond: ([at, last]: Position) => sql`(${column}, ${id}) ${sign} (${at}::timestamptz, ${uuidOf(last)}::uuid)`,
  };
}
