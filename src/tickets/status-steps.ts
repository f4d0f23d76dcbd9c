import { statusSteps } from "../core/status-steps.ts";
import type { TicketStatus } from "./contract.ts";

/** While it is being worked on, any way; what is resolved can be taken up again; what is closed is over. */
export const { leadsTo, refusedStep } = statusSteps<TicketStatus>({
  open: ["in_progress", "waiting", "resolved", "closed"],
  in_progress: ["open", "waiting", "resolved", "closed"],
  waiting: ["open", "in_progress", "resolved", "closed"],
  resolved: ["open", "in_progress", "closed"],
  closed: [],
});
