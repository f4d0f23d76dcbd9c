import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { statusSteps } from "../core/status-steps.ts";
import type { ConversationStatus } from "./contract.ts";

/**
 * What a request may make of a conversation by setting its status. Closing is an operation of its own, because
 * it is announced; what the contact ended stays ended.
 */
export const { leadsTo, refusedStep } = statusSteps<ConversationStatus>({
  open: ["pending"],
  pending: ["open"],
  resolved: ["open"],
  timed_out: ["open"],
  ended: [],
});

/** A contact has one open conversation on a channel: there is no step beside it. */
export const otherIsOpen = (conversation_id: Id<"conv">): ApiError =>
  new ApiError("invalid_status_transition", {
    detail: `The conversation ${conversation_id} is open with this contact on this channel: go on there, or close it first.`,
    members: { allowed: [], conversation_id },
  });
