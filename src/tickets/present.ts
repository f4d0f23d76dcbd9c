import type { Ticket } from "./contract.ts";
import type { tickets } from "./tables.ts";

export type TicketRow = typeof tickets.$inferSelect;

export const presentTicket = (row: TicketRow): Ticket => ({ ...row, object: "ticket" });
