import { eq, getTableColumns, sql } from "drizzle-orm";
import { windowOf } from "../contacts/open-window.ts";
import { contact_addresses } from "../contacts/tables.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { selection } from "../db/selection.ts";
import { slot, whose } from "../db/statement.ts";
import { workspaces } from "../workspaces/tables.ts";
import { openStatuses, type Conversation, type ConversationRef, type ConversationStatus } from "./contract.ts";
import { presentConversation } from "./present.ts";
import { conversations } from "./tables.ts";

/** One conversation. */
export async function findConversation(ctx: Ctx, { conversation_id }: ConversationRef): Promise<Conversation> {
  const [found] = await seen(ctx.db, { workspace_id: ctx.workspace_id, id: conversation_id });
  if (!found) throw new ApiError("not_found");
  return presentConversation(ctx, found.conversation, found);
}

const fields = {
  conversation: getTableColumns(conversations),
  window_opened_at: contact_addresses.last_inbound_at,
  inactivity_timeout_minutes: workspaces.inactivity_timeout_minutes,
};

const openedAt = windowOf({
  workspace_id: sql`${conversations.workspace_id}`,
  channel_id: sql`${conversations.channel_id}`,
  contact_id: sql`${conversations.contact_id}`,
  chosen: sql`${conversations.address_id}`,
});

/** Conversations, each with what it shows of its surroundings. */
export const withSurroundings = selection(fields, (db) =>
  db
    .select({ ...fields, window_opened_at: openedAt })
    .from(conversations)
    .innerJoin(workspaces, eq(workspaces.id, conversations.workspace_id)),
);

const is_one = sql`${whose(conversations)} and ${conversations.id} = ${slot(conversations.id)}`;
const seen = withSurroundings.always(is_one);
const locked = withSurroundings.always(sql`${is_one} for update of ${conversations}`);

/** One conversation, locked until the transaction ends: what is decided about it stays true. */
export async function lockConversation(ctx: TxCtx, { conversation_id }: ConversationRef) {
  const [found] = await locked(ctx.db, { workspace_id: ctx.workspace_id, id: conversation_id });
  if (!found) throw new ApiError("not_found");
  return found;
}

/** The same, where it must be one in which something can still be said. */
export async function lockOpenConversation(ctx: TxCtx, ref: ConversationRef) {
  const found = await lockConversation(ctx, ref);
  if (!isOpen(found.conversation.status)) throw new ApiError("conversation_closed");
  return found;
}

/** As its GET shows it, and locked: what `If-Match` is judged by. */
export async function showLockedConversation(ctx: TxCtx, ref: ConversationRef): Promise<Conversation> {
  const { conversation, ...surroundings } = await lockConversation(ctx, ref);
  return presentConversation(ctx, conversation, surroundings);
}

export const isOpen = (status: ConversationStatus): boolean => (openStatuses as readonly ConversationStatus[]).includes(status);
