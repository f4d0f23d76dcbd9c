import { sql } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { uuidOf } from "../core/ids.ts";
import { latest, secondsBetween, type Timestamp } from "../core/time.ts";
import { slot, statement, whose } from "../db/statement.ts";
import { emitAll } from "../webhooks/emit.ts";
import type { ClosedBy, Conversation, ConversationRef } from "./contract.ts";
import { conversationEnd } from "./events.ts";
import { lockOpenConversation } from "./find-conversation.ts";
import { presentConversation, type ConversationRow } from "./present.ts";
import { conversations } from "./tables.ts";

/** Marks a conversation resolved and announces its end. Messages that are still queued are sent all the same. */
export async function closeConversation(ctx: TxCtx, { conversation_id }: ConversationRef) {
  const { conversation, window_opened_at } = await lockOpenConversation(ctx, { conversation_id });
  return endConversation(ctx, conversation, window_opened_at, {
    status: "resolved",
    closed_by: ctx.actor.type === "member" ? "team_member" : "api",
  });
}

interface Ending {
  status: "resolved" | "timed_out" | "ended";
  closed_by: ClosedBy;
}

/** Ends an open conversation, which is locked, and announces it. */
export async function endConversation(ctx: TxCtx, conversation: ConversationRow, window_opened_at: Timestamp | null, how: Ending) {
  const [closed] = await endConversations(ctx, [{ conversation, window_opened_at }], how);
  return closed!;
}

interface Ended {
  conversation: ConversationRow;
  window_opened_at: Timestamp | null;
}

/** The same for many at once, in as many statements as for one. */
export async function endConversations(ctx: TxCtx, ended: Ended[], how: Ending): Promise<Conversation[]> {
  const now = ctx.now();
  const ids = ended.map(({ conversation }) => uuidOf(conversation.id));
  await markEnded(ctx.db, { workspace_id: ctx.workspace_id, ...how, updated_at: now, ids: `{${ids.join()}}` });

  const closed = ended.map(({ conversation, window_opened_at }) => {
    const ending = { ...how, closed_at: latest(now, conversation.created_at), updated_at: now };
    return presentConversation(ctx, { ...conversation, ...ending }, { window_opened_at, inactivity_timeout_minutes: null });
  });
  await emitAll(ctx, conversationEnd, closed.map(endOf(how)));
  return closed;
}

const markEnded = statement<never>(
  () => sql`update ${conversations} set status = ${slot(conversations.status)}, closed_by = ${slot(conversations.closed_by)},
    closed_at = greatest(${slot(conversations.updated_at)}::timestamptz, created_at), updated_at = ${slot(conversations.updated_at)}
    where ${whose(conversations)} and id = any(${sql.placeholder("ids")}::uuid[])`,
);

const endOf =
  ({ status, closed_by }: Ending) =>
  (conversation: Conversation) => {
    const { id: conversation_id, channel, portal_url, created_at, closed_at } = conversation;
    const duration_seconds = secondsBetween(created_at, closed_at!);
    return {
      data: { conversation_id, channel, status, duration_seconds, portal_url, closed_by, conversation },
      subject: { channel, conversation_id },
    };
  };
