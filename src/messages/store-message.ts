import { getTableColumns, sql, type SQL } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { columnsOf, insertionBeside, reading, slot, whose } from "../db/statement.ts";
import { priced, writingEntries } from "../usage/charge.ts";
import { emit } from "../webhooks/emit.ts";
import { chargesOf } from "./charges.ts";
import { newMessage } from "./events.ts";
import { previewOf } from "./preview.ts";
import { presentConversation, type ConversationRow } from "../conversations/present.ts";
import { presentMessage } from "./present.ts";
import { conversations } from "../conversations/tables.ts";
import { workspaces } from "../workspaces/tables.ts";
import { messages } from "./tables.ts";

type NewMessage = Pick<typeof messages.$inferInsert, "direction" | "sender" | "content" | "status"> &
  Partial<
    Pick<
      typeof messages.$inferInsert,
      "external_id" | "client_reference" | "metadata" | "human_agent" | "sent_at" | "due_at" | "address_id"
    >
  > & {
    /** A person wrote it in the provider's inbox, and not through us. */
    is_foreign?: boolean;
  };

/** Puts a message into its conversation, with what it costs, and announces it. `window_opened_at` as it is after this message. */
export async function storeMessage(ctx: TxCtx, conversation: ConversationRow, window_opened_at: Timestamp | null, message: NewMessage) {
  const now = ctx.now();
  const { workspace_id, id: conversation_id, contact_id, channel, channel_id } = conversation;
  const id = ctx.newId("msg");
  const cost = priced(ctx, { channel, channel_id, conversation_id, message_id: id }, chargesOf(channel, message));
  // Neither needs the other's answer: together they are one round trip, and one packet where the shorter one goes first.
  const preview = previewOf(message.content);
  const noting = noted[message.direction](ctx.db, { workspace_id, id: conversation_id, preview, now });
  const storing = put(ctx.db, {
    external_id: null,
    client_reference: null,
    metadata: {},
    human_agent: false,
    sent_at: null,
    due_at: null,
    address_id: null,
    ...message,
    ...cost,
    workspace_id,
    id,
    conversation_id,
    contact_id,
    channel,
    channel_id,
    created_at: now,
    updated_at: now,
  });
  const [[updated], stored] = await Promise.all([noting, storing]);
  const { conversation: now_is, inactivity_timeout_minutes } = updated!;

  if (channel === "web_widget") ctx.wake(`visitor:${contact_id}`);

  const shown = presentMessage(stored);
  await emit(
    ctx,
    newMessage,
    { message: shown, conversation: presentConversation(ctx, now_is, { window_opened_at, inactivity_timeout_minutes }) },
    { channel, conversation_id },
  );
  return shown;
}

const put = insertionBeside<{ entries: string }, typeof messages>(
  writingEntries,
  messages,
  "workspace_id",
  "id",
  "conversation_id",
  "contact_id",
  "address_id",
  "channel",
  "channel_id",
  "direction",
  "sender",
  "content",
  "status",
  "external_id",
  "client_reference",
  "credits",
  "metadata",
  "human_agent",
  "sent_at",
  "due_at",
  "created_at",
  "updated_at",
);

const now = slot(conversations.updated_at, "now");
const notingMessage = (what: SQL) =>
  reading<{ conversation: ConversationRow; inactivity_timeout_minutes: number | null }>(
    { conversation: getTableColumns(conversations), inactivity_timeout_minutes: workspaces.inactivity_timeout_minutes },
    () => sql`
    update ${conversations} set message_count = message_count + 1, last_message_preview = ${slot(conversations.last_message_preview, "preview")},
      last_message_at = ${now}, updated_at = ${now}, ${what}
    where ${whose(conversations)} and ${conversations.id} = ${slot(conversations.id)} returning ${columnsOf(conversations)},
      (select inactivity_timeout_minutes from ${workspaces} where ${workspaces.id} = ${slot(conversations.workspace_id)})`,
  );
const noted = {
  inbound: notingMessage(
    sql`first_inbound_at = coalesce(first_inbound_at, ${now}::timestamptz), last_inbound_at = ${now}, address_id = null`,
  ),
  // The first outbound message after the contact wrote: before, there is nothing to respond to.
  outbound: notingMessage(
    sql`first_response_at = case when last_inbound_at is not null then coalesce(first_response_at, ${now}::timestamptz) end`,
  ),
};
