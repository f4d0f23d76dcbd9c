import type { Ctx, TxCtx } from "../core/context.ts";
import { findMine } from "../db/mine.ts";
import type { TicketRef } from "./contract.ts";
import { presentTicket } from "./present.ts";
import { tickets } from "./tables.ts";

/** One ticket. */
export const findTicket = async (ctx: Ctx, { ticket_id }: TicketRef) => presentTicket(await findMine(ctx, tickets, ticket_id));

/** The same, held until the transaction ends. */
export const lockTicket = async (ctx: TxCtx, { ticket_id }: TicketRef) =>
  presentTicket(await findMine(ctx, tickets, ticket_id, { lock: "update" }));
