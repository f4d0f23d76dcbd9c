import { and, eq } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { invalid, noSuch } from "../core/errors.ts";
import { findMine, mine } from "../db/mine.ts";
import { holdMember } from "../team/find-member.ts";
import type { AssignTicket } from "./contract.ts";
import { presentTicket } from "./present.ts";
import { tickets } from "./tables.ts";

/** Gives a ticket to a member of the team, or to nobody. */
export async function assignTicket(ctx: TxCtx, { ticket_id, assignee_id }: AssignTicket) {
  // Held before the ticket is, as a member's removal does it: the two never wait for each other in a circle.
  const is_member = assignee_id === null || (await holdMember(ctx, assignee_id));
  const ticket = await findMine(ctx, tickets, ticket_id, { lock: "update" });
  if (!is_member) throw invalid(noSuch("/assignee_id"));
  if (ticket.assignee_id === assignee_id) return presentTicket(ticket);
  const [assigned] = await ctx.db
    .update(tickets)
    .set({ assignee_id, updated_at: ctx.now() })
    .where(and(mine(ctx, tickets), eq(tickets.id, ticket_id)))
    .returning();
  return presentTicket(assigned!);
}
