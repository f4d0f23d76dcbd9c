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
    description: "Tickets of every status, the newest first unless `sort` says otherwise.",
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
      "Creates a ticket with the workspace's next number. With `conversation_id` it is about that conversation's contact, and is added to its `ticket_ids`.",
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
      "Changes the fields that are named; `metadata` is merged: a key that is null is removed. Setting a field to its present value changes nothing, and neither does an empty body. A ticket that is `open`, `in_progress` or `waiting` can take any status; a `resolved` one can become `open`, `in_progress` or `closed`; a `closed` one keeps its status, but its other fields can be changed. Any other change of status is 409 `invalid_status_transition`, and `allowed` lists the possible ones.",
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
    description:
      "Assigns the ticket to a team member, or to nobody. When a member is removed, their tickets that are not closed become unassigned.",
    input: AssignTicket,
    output: Ticket,
    run: assignTicket,
  }),
});
