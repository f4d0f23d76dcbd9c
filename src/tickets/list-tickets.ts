import { and, arrayContains, asc, desc, eq, gt, inArray, isNull, lt, sql, type SQL } from "drizzle-orm";
import { contacts } from "../contacts/tables.ts";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing, type Position } from "../core/page.ts";
import { createdWithin } from "../db/created-within.ts";
import { inAnyOf, inStates } from "../db/in-states.ts";
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
  const { updated_at } = tickets;
  const filters = and(
    mine(ctx, tickets),
    given(input.priority, (priority) => inArray(tickets.priority, priority)),
    given(input.assignee_id, (id) => (id === "none" ? isNull(tickets.assignee_id) : eq(tickets.assignee_id, id))),
    given(input.conversation_id, (id) => eq(tickets.conversation_id, id)),
    given(input.contact_id, (id) => eq(tickets.contact_id, id)),
    given(input.tag, (tag) => arrayContains(tickets.tags, [tag])),
    given(input.q, (q) => foundBy(ctx, tickets.id, q, [inItself(ctx)])),
    createdWithin(tickets, "tkt", input),
    given(input.updated_after, (moment) => gt(updated_at, moment)),
    given(input.updated_before, (moment) => lt(updated_at, moment)),
  );
  const { sorted_by, order, beyond } = orderOf(input.sort);
  const limit = input.limit + 1;
  const states = { column: tickets.status, any_of: input.status };
  const chosen = inStates(ctx, tickets, states, { rest: and(filters, given(position, beyond)), order, limit });
  const rows = await ctx.db.select().from(tickets).where(chosen).orderBy(order).limit(limit);
  const page = pageOf(ctx, listing, rows.map(presentTicket), input.limit, (row) => [row[sorted_by], row.id]);
  return { ...page, ...(await totalOf(ctx, input, tickets, and(filters, inAnyOf(states)))) };
}

/** Where a ticket has words. */
const inItself = (ctx: Ctx) =>
  inTable(ctx, tickets.id, sql`search_document(workspace_id, number::text || ' ' || subject || ' ' || coalesce(description, ''))`);

/** Each order is that of an index. Ids are made in order of time, so they are the order of creation. */
function orderOf(sort: ListTickets["sort"]) {
  const sorted_by = sort.replace("-", "") as "created_at" | "updated_at";
  const [direction, is_beyond, sign] = sort.startsWith("-") ? [desc, lt, sql`<`] : [asc, gt, sql`>`];
  const { updated_at, id } = tickets;
  if (sorted_by === "created_at")
    return { sorted_by, order: direction(id), beyond: ([, last]: Position): SQL => is_beyond(id, last as Id<"tkt">) };
  return {
    sorted_by,
    order: sql`${direction(updated_at)}, ${direction(id)}`,
    beyond: ([at, last]: Position): SQL => sql`(${updated_at}, ${id}) ${sign} (${at}::timestamptz, ${uuidOf(last)}::uuid)`,
  };
}
