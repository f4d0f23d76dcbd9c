import { and, eq } from "drizzle-orm";
import { changesOf } from "../core/changes.ts";
import type { TxCtx } from "../core/context.ts";
import { patched } from "../core/patched.ts";
import type { Timestamp } from "../core/time.ts";
import { findMine, mine } from "../db/mine.ts";
import type { TicketStatus, UpdateTicket } from "./contract.ts";
import { presentTicket, type TicketRow } from "./present.ts";
import { leadsTo, refusedStep } from "./status-steps.ts";
import { tickets } from "./tables.ts";

/** Changes what is named and leaves the rest. What is so already is no change. */
export async function updateTicket(ctx: TxCtx, { ticket_id, metadata, ...wanted }: UpdateTicket) {
  const ticket = await findMine(ctx, tickets, ticket_id, { lock: "update" });
  const changes = changesOf(ticket, { ...wanted, metadata: patched(ticket.metadata, metadata) });
  if (Object.keys(changes).length === 0) return presentTicket(ticket);
  const now = ctx.now();
  const step = changes.status && stepTo(ticket, changes.status, now);

  const [updated] = await ctx.db
    .update(tickets)
    .set({ ...changes, ...step, updated_at: now })
    .where(and(mine(ctx, tickets), eq(tickets.id, ticket_id)))
    .returning();
  return presentTicket(updated!);
}

/** What is closed without having been resolved never was; what was resolved and is closed stays so. */
function stepTo({ status: from, resolved_at }: TicketRow, to: TicketStatus, now: Timestamp) {
  if (!leadsTo(from, to)) throw refusedStep(from, `A ticket that is ${from} is not made ${to}.`);
  if (to === "resolved") return { resolved_at: now };
  return { resolved_at: to === "closed" ? resolved_at : null, closed_at: to === "closed" ? now : null };
}
