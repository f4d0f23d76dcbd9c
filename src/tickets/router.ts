import { read, router, write } from "../trpc/procedure.ts";
import { assignTicket } from "./assign-ticket.ts";
import { AssignTicket, CreateTicket, ListTickets, Ticket, TicketList, TicketRef, UpdateTicket } from "./contract.ts";
import { createTicket } from "./create-ticket.ts";
import { findTicket, lockTicket } from "./find-ticket.ts";
import { listTickets } from "./list-tickets.ts";
import { updateTicket } from "./update-ticket.ts";

export const ticketsRouter = router({
  list: read({
    route: "GET /v1/tickets",
    name: "listTickets",
    summary: "List tickets",
    description: "What is to be done, and what was, the newest first unless `sort` says otherwise.",
    input: ListTickets,
    output: TicketList,
    errors: ["invalid_cursor"],
    run: listTickets,
  }),
  get: read({
    route: "GET /v1/tickets/{ticket_id}",
    name: "getTicket",
    summary: "Get a ticket",
    description: "One ticket.",
    input: TicketRef,
    output: Ticket,
    run: findTicket,
  }),
  create: write({
    route: "POST /v1/tickets",
    name: "createTicket",
    summary: "Create a ticket",
    description:
      "Makes a ticket with the workspace's next number. Made of a conversation, it is about that conversation's contact, and is one of its `ticket_ids`.",
    input: CreateTicket,
    output: Ticket,
    status: 201,
    location: "/v1/tickets/{id}",
    run: createTicket,
  }),
  update: write({
    route: "PATCH /v1/tickets/{ticket_id}",
    name: "updateTicket",
    summary: "Update a ticket",
    description:
      "Changes the fields that are named; `metadata` is merged: a key that is null is removed. What is so already is no change, and an empty body changes nothing. While it is not resolved a ticket goes from any status to any other; a `resolved` one to `open`, `in_progress` or `closed`; a `closed` one nowhere, though everything else of it can be changed. Another step is 409 `invalid_status_transition`, whose `allowed` names those there are.",
    input: UpdateTicket,
    output: Ticket,
    errors: ["invalid_status_transition"],
    current: { read: lockTicket, output: Ticket },
    run: updateTicket,
  }),
  assign: write({
    route: "POST /v1/tickets/{ticket_id}/assign",
    name: "assignTicket",
    summary: "Assign a ticket",
    description: "Gives the ticket to a member of the team, or to nobody. Whoever is removed from the team loses what is not closed.",
    input: AssignTicket,
    output: Ticket,
    run: assignTicket,
  }),
});
