import { and, eq, gt, inArray } from "drizzle-orm";
import { contacts } from "../contacts/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { createdWithin } from "../db/created-within.ts";
import { readFeed } from "../db/feed.ts";
import { assertMine, findMine } from "../db/mine.ts";
import { inAnyOf } from "../db/in-states.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import type { ListConversationMessages, ListMessages, MessageStatus, StoredMessageStatus } from "./contract.ts";
import { presentMessage } from "./present.ts";
import { conversations } from "../conversations/tables.ts";
import { messages } from "./tables.ts";

/** The messages of the workspace: the newest first, or as a feed, which misses none. */
export async function listMessages(ctx: Ctx, input: ListMessages) {
  const listing: Listing = { name: "messages", filters: input };
  await assertMine(ctx, conversations, "/conversation_id", input.conversation_id);
  await assertMine(ctx, contacts, "/contact_id", input.contact_id);

  const states = { column: messages.status, any_of: input.status?.flatMap(onDisk) };
  const filters = and(
    given(input.channel, (channel) => inArray(messages.channel, channel)),
    given(input.direction, (direction) => eq(messages.direction, direction)),
    given(input.conversation_id, (id) => eq(messages.conversation_id, id)),
    given(input.contact_id, (id) => eq(messages.contact_id, id)),
    createdWithin(messages, "msg", input),
    given(input.updated_after, (moment) => gt(messages.updated_at, moment)),
  );
  if (input.order === "asc") return readFeed(ctx, messages, listing, input, and(filters, inAnyOf(states)), presentMessage, "msg");
  return readPage(ctx, messages, listing, input, filters, presentMessage, { states });
}

const onDisk = (status: MessageStatus): StoredMessageStatus[] => (status === "queued" ? ["queued", "scheduled"] : [status]);

/** The messages of a conversation. Ids are made in order of time, so they are the order. */
export async function listConversationMessages(ctx: Ctx, input: ListConversationMessages) {
  const listing: Listing = { name: "conversation messages", filters: input };
  await findMine(ctx, conversations, input.conversation_id);
  const filters = eq(messages.conversation_id, input.conversation_id);
  return readPage(ctx, messages, listing, input, filters, presentMessage, { column: messages.id, order: input.order });
}
