import { and, arrayContains, asc, desc, eq, gt, inArray, isNull, lt, sql, type SQL } from "drizzle-orm";
import { contacts } from "../contacts/tables.ts";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing, type Position } from "../core/page.ts";
import { createdWithin, within } from "../db/created-within.ts";
import { eachOf, inAnyOf, inStates, type States } from "../db/in-states.ts";
import { arranged, pageThrough, type Filter } from "../db/look-through.ts";
import { assertMine, mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { totalOf } from "../db/total.ts";
import { foundBy, inTable } from "../search/found-by.ts";
import { members } from "../team/tables.ts";
import type { ListTickets } from "./contract.ts";
import { presentTicket } from "./present.ts";
import { tickets } from "./tables.ts";

/** Tickets, unless the request says otherwise the newest first. */
export async function listTickets(ctx: Ctx, input: ListTickets) {
  await assertMine(ctx, members, "/assignee_id", input.assignee_id === "none" ? undefined : input.assignee_id);
  await assertMine(ctx, conversations, "/conversation_id", input.conversation_id);
  await assertMine(ctx, contacts, "/contact_id", input.contact_id);

  const listing: Listing = { name: "tickets", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  const { column, direction, order, beyond, at } = orderOf(input.sort);
  const states = { column: tickets.status, any_of: input.status };
  const filters = filtersOf(ctx, input, states);
  const limit = input.limit + 1;
  const total = () => totalOf(ctx, input, tickets, and(mine(ctx, tickets), ...filters.map(({ is }) => is)));

  const { sought, ...places } = arranged(column, filters);
  // What words are found in is known before it is sorted.
  if (sought && input.q === undefined) {
    const search = { column, direction, position, sought, limit, ...places };
    const page = await pageThrough(ctx, tickets, listing, search, async (are_these) =>
      (await ctx.db.select().from(tickets).where(are_these)).map(presentTicket),
    );
    return { ...page, ...(await total()) };
  }
  const rest = and(mine(ctx, tickets), ...filters.filter(({ each }) => !each).map(({ is }) => is), given(position, beyond));
  const chosen = inStates(ctx, tickets, states, { rest, order, limit });
  const rows = await ctx.db.select().from(tickets).where(chosen).orderBy(order).limit(limit);
  return { ...pageOf(ctx, listing, rows.map(presentTicket), input.limit, (row) => [row[at], row.id]), ...(await total()) };
}

/** What is asked for, and which of it an index has together. */
function filtersOf(ctx: Ctx, input: ListTickets, states: States): Filter[] {
  const { id, updated_at } = tickets;
  const by = [id];
  return [
    { is: given(input.conversation_id, (conversation_id) => eq(tickets.conversation_id, conversation_id)), by },
    { is: given(input.contact_id, (contact_id) => eq(tickets.contact_id, contact_id)), by },
    { is: inAnyOf(states), each: eachOf(states), by },
    { is: given(input.assignee_id, (whose) => (whose === "none" ? isNull(tickets.assignee_id) : eq(tickets.assignee_id, whose))), by },
    { is: createdWithin(tickets, "tkt", input), by, is_range: true },
    { is: within(updated_at, input.updated_after, input.updated_before), by: [updated_at, id], is_range: true },
    { is: given(input.priority, (priority) => inArray(tickets.priority, priority)) },
    { is: given(input.tag, (tag) => arrayContains(tickets.tags, [tag])) },
    { is: given(input.q, (q) => foundBy(ctx, tickets.id, q, [inItself(ctx)])) },
  ];
}

/** Where a ticket has words. */
const inItself = (ctx: Ctx) =>
  inTable(ctx, tickets.id, sql`search_document(workspace_id, number::text || ' ' || subject || ' ' || coalesce(description, ''))`);

/** Each order is that of an index. Ids are made in order of time, so they are the order of creation. */
function orderOf(sort: ListTickets["sort"]) {
  const at = sort.replace("-", "") as "created_at" | "updated_at";
  const is_down = sort.startsWith("-");
  const [by, is_beyond, sign] = is_down ? [desc, lt, sql`<`] : [asc, gt, sql`>`];
  const { updated_at, id } = tickets;
  const direction = is_down ? ("desc" as const) : ("asc" as const);
  if (at === "created_at")
    return { at, column: id, direction, order: by(id), beyond: ([, last]: Position): SQL => is_beyond(id, last as Id<"tkt">) };
  return {
    at,
    column: updated_at,
    direction,
    order: sql`${by(updated_at)}, ${by(id)}`,
    beyond: ([moment, last]: Position): SQL => sql`(${updated_at}, ${id}) ${sign} (${moment}::timestamptz, ${uuidOf(last)}::uuid)`,
  };
}
