import { eq, gt, inArray } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { contacts } from "../contacts/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { createdWithin } from "../db/created-within.ts";
import { readFeed } from "../db/feed.ts";
import { assertMine, findMine } from "../db/mine.ts";
import { eachOf, inAnyOf, type States } from "../db/in-states.ts";
import { rowsWhere, type Filter } from "../db/look-through.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import { readSorted } from "../db/sorted-page.ts";
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
  const created = createdWithin(messages, "msg", input);
  const filters = filtersOf(input, states);
  if (input.order === "asc") return readFeed(ctx, messages, listing, input, created, presentMessage, "msg", filters);
  const all = [...filters, { is: created, by: [messages.id], is_range: true }];
  return readSorted(ctx, messages, listing, { ...input, sort: "-created_at" }, { filters: all, states }, async (chosen) =>
    (await rowsWhere(ctx, messages, chosen)).map(presentMessage),
  );
}

/** What is asked for, and which of it an index has together. */
function filtersOf(input: ListMessages, states: States): Filter[] {
  const { id, updated_at } = messages;
  const by = [id];
  const together = states.any_of && statusesTogether.find(({ statuses }) => states.any_of!.every((one) => statuses.includes(one)));
  return [
    { is: given(input.conversation_id, (conversation_id) => eq(messages.conversation_id, conversation_id)), by },
    { is: given(input.contact_id, (contact_id) => eq(messages.contact_id, contact_id)), by },
    { is: inAnyOf(states), ...(together && { each: eachOf(states), by: together.by }) },
    { is: given(input.updated_after, (moment) => gt(updated_at, moment)), by: [updated_at, id], is_range: true },
    { is: given(input.channel, (channel) => inArray(messages.channel, channel)) },
    { is: given(input.direction, (direction) => eq(messages.direction, direction)) },
  ];
}

/** Statuses that few messages are in, or not for long: those have an index. */
const statusesTogether: { statuses: readonly string[]; by: AnyPgColumn[] }[] = [
  { statuses: ["failed", "unknown"] satisfies StoredMessageStatus[], by: [messages.id] },
  { statuses: ["queued", "scheduled", "sending"] satisfies StoredMessageStatus[], by: [messages.conversation_id, messages.id] },
];

const onDisk = (status: MessageStatus): StoredMessageStatus[] => (status === "queued" ? ["queued", "scheduled"] : [status]);

/** The messages of a conversation. Ids are made in order of time, so they are the order. */
export async function listConversationMessages(ctx: Ctx, input: ListConversationMessages) {
  const listing: Listing = { name: "conversation messages", filters: input };
  await findMine(ctx, conversations, input.conversation_id);
  const filters = eq(messages.conversation_id, input.conversation_id);
  return readPage(ctx, messages, listing, input, filters, presentMessage, { column: messages.id, order: input.order });
}
