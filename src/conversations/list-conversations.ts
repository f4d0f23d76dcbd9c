import { arrayContains, eq, inArray, isNull } from "drizzle-orm";
import { channels } from "../channels/tables.ts";
import { findContact } from "../contacts/find-contact.ts";
import { contacts } from "../contacts/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { createdWithin, within } from "../db/created-within.ts";
import { eachOf, inAnyOf, type States } from "../db/in-states.ts";
import type { Filter } from "../db/look-through.ts";
import { assertMine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { readSorted } from "../db/sorted-page.ts";
import { foundBy } from "../search/found-by.ts";
import { members } from "../team/tables.ts";
import { ConversationStatus, type ListContactConversations, type ListConversations } from "./contract.ts";
import { isOpen, withSurroundings } from "./find-conversation.ts";
import { placesOfConversations } from "./places.ts";
import { presentConversation } from "./present.ts";
import { conversations } from "./tables.ts";

/** Conversations, unless the request says otherwise the one with the newest message first. */
export async function listConversations(ctx: Ctx, input: ListConversations) {
  await assertMine(ctx, channels, "/channel_id", input.channel_id);
  await assertMine(ctx, contacts, "/contact_id", input.contact_id);
  await assertMine(ctx, members, "/assignee_id", input.assignee_id === "none" ? undefined : input.assignee_id);
  return readPage(ctx, { name: "conversations", filters: input }, input);
}

/** The conversations with one contact, the one with the newest message first. */
export async function listContactConversations(ctx: Ctx, input: ListContactConversations) {
  await findContact(ctx, input);
  return readPage(ctx, { name: "contact conversations", filters: input }, { ...input, sort: "-last_message_at" });
}

async function readPage(ctx: Ctx, listing: Listing, input: ListConversations) {
  const states = { column: conversations.status, any_of: statusesOf(input) };
  return readSorted(ctx, conversations, listing, input, { filters: filtersOf(ctx, input, states), states }, async (chosen) =>
    (await withSurroundings.where(ctx.db, chosen)).map(({ conversation, ...rest }) => presentConversation(ctx, conversation, rest)),
  );
}

/** What is asked for, and which of it an index has together. */
function filtersOf(ctx: Ctx, input: ListConversations, states: States): Filter[] {
  const { id, last_message_at, updated_at } = conversations;
  const by = [last_message_at, id];
  return [
    { is: given(input.contact_id, (contact_id) => eq(conversations.contact_id, contact_id)), by },
    { is: inAnyOf(states), each: eachOf(states), by },
    {
      is: given(input.assignee_id, (whose) =>
        whose === "none" ? isNull(conversations.assignee_id) : eq(conversations.assignee_id, whose),
      ),
      by,
    },
    { is: createdWithin(conversations, "conv", input), by: [id], is_range: true },
    { is: within(updated_at, input.updated_after, input.updated_before), by: [updated_at, id], is_range: true },
    { is: within(last_message_at, input.last_message_after, input.last_message_before), by, is_range: true },
    { is: given(input.channel, (channel) => inArray(conversations.channel, channel)) },
    { is: given(input.channel_id, (channel_id) => eq(conversations.channel_id, channel_id)) },
    { is: given(input.handler_mode, (handler_mode) => eq(conversations.handler_mode, handler_mode)) },
    { is: given(input.priority, (priority) => inArray(conversations.priority, priority)) },
    { is: given(input.tag, (tag) => arrayContains(conversations.tags, [tag])) },
    { is: given(input.q, (q) => foundBy(ctx, conversations.id, q, placesOfConversations(ctx))) },
  ];
}

function statusesOf({ status, is_open }: Pick<ListConversations, "status" | "is_open">): readonly ConversationStatus[] | undefined {
  if (is_open === undefined) return status;
  return (status ?? ConversationStatus.options).filter((one) => isOpen(one) === is_open);
}
