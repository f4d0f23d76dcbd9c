import { z } from "zod";
import { longest_text } from "../channels/capabilities.ts";
import { MediaType } from "../channels/contract.ts";
import { idField, listOf, textField, Timestamp } from "../core/fields.ts";

/** Which widget it is. In the query it tells a preflight, which carries neither body nor token, whose websites are asked for. */
const channel_id = z.string().max(100);

export const User = z.strictObject({
  /** Exactly as it was signed: not even a space is taken off. */
  id: textField(128, z.string().min(1)),
  hash: z.string().max(200),
  name: textField(200, z.string().trim().min(1)).optional(),
  email: z.email().max(320).optional(),
});
export type User = z.output<typeof User>;

export const StartSession = z.strictObject({
  channel_id,
  visitor_token: z.string().max(4096).optional(),
  user: User.optional(),
});
export type StartSession = z.output<typeof StartSession>;

export const ReceiveText = z.strictObject({
  text: textField(longest_text, z.string().trim().min(1)),
  client_reference: textField(64, z.string().min(1)),
});
export type ReceiveText = z.output<typeof ReceiveText>;

export const ListVisitorMessages = z.strictObject({
  channel_id: channel_id.optional(),
  limit: z.number().int().min(1).max(50).default(20),
  /** Further back. */
  cursor: z.string().max(1000).optional(),
  /** What came since: a feed, which misses nothing. */
  after: z.string().max(1000).optional(),
});
export type ListVisitorMessages = z.output<typeof ListVisitorMessages>;

export const ReadMessages = z.strictObject({ message_id: idField("msg") });
export type ReadMessages = z.output<typeof ReadMessages>;

/** All that a visitor sees of a message. */
export const VisitorMessage = z.object({
  id: idField("msg"),
  object: z.literal("message"),
  from: z.enum(["visitor", "team", "assistant"]),
  /** The first name of whoever of the team wrote it, or the assistant's. */
  name: z.string().nullable(),
  content: z.discriminatedUnion("type", [
    z.object({ type: z.literal("text"), text: z.string() }),
    z.object({ type: z.literal("media"), media_type: MediaType, url: z.string().nullable(), caption: z.string().nullable() }),
  ]),
  client_reference: z.string().nullable(),
  read_at: Timestamp.nullable(),
  created_at: Timestamp,
});
export type VisitorMessage = z.output<typeof VisitorMessage>;
export const VisitorMessageList = listOf(VisitorMessage, "VisitorMessageList");
export type VisitorMessageList = z.output<typeof VisitorMessageList>;

export const Session = z.object({
  object: z.literal("session"),
  token: z.string(),
  expires_at: Timestamp,
  visitor: z.object({ is_verified: z.boolean(), name: z.string().nullable() }),
  conversation: z.object({ id: idField("conv"), status: z.enum(["open", "pending"]), created_at: Timestamp }).nullable(),
  /** The newest first. */
  messages: VisitorMessageList,
  /** Where the stream, or the feed, of what comes from now on begins. */
  feed_cursor: z.string(),
});
export type Session = z.output<typeof Session>;
