import { and, arrayContains, asc, desc, eq, gt, inArray, isNull, lt, sql, type SQL } from "drizzle-orm";
import { channels } from "../channels/tables.ts";
import { findContact } from "../contacts/find-contact.ts";
import { contacts } from "../contacts/tables.ts";
import type { Ctx } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { createdWithin, within } from "../db/created-within.ts";
import { eachOf, inAnyOf, inStates, type States } from "../db/in-states.ts";
import { arranged, pageThrough, type Filter } from "../db/look-through.ts";
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
  const { column, direction, order, beyond, at } = orderOf(input.sort);
  const states = { column: conversations.status, any_of: statusesOf(input) };
  const filters = filtersOf(ctx, input, states);
  const limit = input.limit + 1;
  const total = () => totalOf(ctx, input, conversations, and(mine(ctx, conversations), ...filters.map(({ is }) => is)));

  const { sought, ...places } = arranged(column, filters);
  // What words are found in is known before it is sorted.
  if (sought && input.q === undefined) {
    const search = { column, direction, position, sought, limit, ...places };
    const page = await pageThrough(ctx, conversations, listing, search, (are_these) => presentedWhere(ctx, are_these));
    return { ...page, ...(await total()) };
  }
  const rest = and(mine(ctx, conversations), ...filters.filter(({ each }) => !each).map(({ is }) => is), given(position, beyond));
  const chosen = inStates(ctx, conversations, states, { rest, order, limit });
  const rows = await presentedWhere(ctx, sql`${chosen} order by ${order} limit ${limit}`);
  return { ...pageOf(ctx, listing, rows, input.limit, (row) => [row[at], row.id]), ...(await total()) };
}

const presentedWhere = async (ctx: Ctx, chosen: SQL) =>
  (await withSurroundings.where(ctx.db, chosen)).map(({ conversation, ...rest }) => presentConversation(ctx, conversation, rest));

/** What is asked for, and which of it an index has together. */
function filtersOf(ctx: Ctx, input: ListConversations, states: States): Filter[] {
  const { id, last_message_at, updated_at } = conversations;
  const by = [last_message_at, id];
  return [
    { is: given(input.contact_id, (contact_id) => eq(conversations.contact_id, contact_id)), by },
    { is: inAnyOf(states), each: eachOf(states), by },
    {
      is: given(input.assignee_id, (whose) =>
        whose === "none" ? isNull(conversations.assignee_id) : eq(conversations.assignee_id, whose),
      ),
      by,
    },
    { is: createdWithin(conversations, "conv", input), by: [id], is_range: true },
    { is: within(updated_at, input.updated_after, input.updated_before), by: [updated_at, id], is_range: true },
    { is: within(last_message_at, input.last_message_after, input.last_message_before), by, is_range: true },
    { is: given(input.channel, (channel) => inArray(conversations.channel, channel)) },
    { is: given(input.channel_id, (channel_id) => eq(conversations.channel_id, channel_id)) },
    { is: given(input.handler_mode, (handler_mode) => eq(conversations.handler_mode, handler_mode)) },
    { is: given(input.priority, (priority) => inArray(conversations.priority, priority)) },
    { is: given(input.tag, (tag) => arrayContains(conversations.tags, [tag])) },
    { is: given(input.q, (q) => foundBy(ctx, conversations.id, q, placesOfConversations(ctx))) },
  ];
}

function statusesOf({ status, is_open }: Pick<ListConversations, "status" | "is_open">): readonly ConversationStatus[] | undefined {
  if (is_open === undefined) return status;
  return (status ?? ConversationStatus.options).filter((one) => isOpen(one) === is_open);
}

/** Each order is that of an index. Ids are made in order of time, so they are the order of creation. */
function orderOf(sort: ListConversations["sort"]) {
  const at = sort.replace("-", "") as "last_message_at" | "created_at" | "updated_at";
  const is_down = sort.startsWith("-");
  const [by, is_beyond, sign] = is_down ? [desc, lt, sql`<`] : [asc, gt, sql`>`];
  const { [at]: column, id } = conversations;
  const direction = is_down ? ("desc" as const) : ("asc" as const);
  type Position = readonly [at: string, id: string];
  if (at === "created_at")
    return { at, column: id, direction, order: by(id), beyond: ([, last]: Position) => is_beyond(id, last as Id<"conv">) };
  return {
    at,
    column,
    direction,
    order: sql`${by(column)}, ${by(id)}`,
    beyond: ([moment, last]: Position) => sql`(${column}, ${id}) ${sign} (${moment}::timestamptz, ${uuidOf(last)}::uuid)`,
  };
}
