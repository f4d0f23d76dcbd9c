import type { Id, Prefix } from "./ids.ts";

/**
 * What the examples of all contracts tell, so that they agree with one another: Sara asks on WhatsApp where her order
 * A-1007 is, the help desk assigns and answers with its API key, makes a ticket, and closes the conversation.
 */
export const story = {
  keys_made_at: "2026-11-02T08:00:00.000Z",
  asked_at: "2026-11-22T10:15:12.480Z",
  assigned_at: "2026-11-22T10:16:04.230Z",
  answered_at: "2026-11-22T10:17:40.112Z",
  sent_at: "2026-11-22T10:17:41.000Z",
  delivered_at: "2026-11-22T10:17:43.000Z",
  read_at: "2026-11-22T10:18:02.000Z",
  noted_at: "2026-11-22T10:20:31.755Z",
  closed_at: "2026-11-22T10:32:50.900Z",
  /** Meta's window: 24 hours after the question. */
  window_ends_at: "2026-11-23T10:15:12.480Z",
  question: "Where is my order A-1007?",
  answer: "Your order A-1007 is on its way.",
  portal_url: "https://api.wassla.dev/portal/conversations/conv_01m81c1cb0e8r9t2y3v5n7b1c4",
} as const;

/** All end alike, so that whoever names a thing names the one that is shown. */
export const exampleId = <P extends Prefix>(prefix: P): Id<P> => `${prefix}_01m81c1cb0e8r9t2y3v5n7b1c4`;

/** The answer is a message beside the question. */
export const answer_id: Id<"msg"> = "msg_01m81c5wgge2f3k4m5n6p7q8r9";

export const help_desk = { type: "api", id: exampleId("key"), name: "Help desk" } as const;
