import { arrayContains, eq, inArray, isNull, sql } from "drizzle-orm";
import { contacts } from "../contacts/tables.ts";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { createdWithin, within } from "../db/created-within.ts";
import { eachOf, inAnyOf, type States } from "../db/in-states.ts";
import type { Filter } from "../db/look-through.ts";
import { assertMine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { readSorted } from "../db/sorted-page.ts";
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
  const states = { column: tickets.status, any_of: input.status };
  return readSorted(ctx, tickets, listing, input, { filters: filtersOf(ctx, input, states), states }, async (chosen) =>
    (await ctx.db.select().from(tickets).where(chosen)).map(presentTicket),
  );
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
