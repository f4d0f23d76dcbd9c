import { and, eq, inArray, sql } from "drizzle-orm";
import type { Effect } from "../channels/note-event.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import { knowContact, openWindow } from "../contacts/know-contact.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { openStatuses } from "./contract.ts";
import type { ConversationRow } from "./present.ts";
import { storeMessage } from "./store-message.ts";
import { conversations, messages } from "./tables.ts";

type Received = Extract<InboundEvent, { kind: "message" }>;

/** A contact's message: into their open conversation or a new one; it opens the 24-hour window. */
export async function receiveMessage(ctx: TxCtx, channel: Channel, event: Received): Promise<Effect> {
  if (event.from.length === 0) return { outcome: "ignored", detail: "no sender" };
  if (await isStored(ctx, channel, event.external_id)) return { outcome: "ignored", detail: "stored already" };

  const contact_id = await knowContact(ctx, event.from, event.name);
  // A provider whose clock runs ahead does not lengthen the window.
  const written_at = event.occurred_at < ctx.now() ? event.occurred_at : ctx.now();
  const window_opened_at = await openWindow(ctx, channel.id, contact_id, written_at);
  const conversation = await openConversation(ctx, channel, contact_id);
  await storeMessage(ctx, conversation, window_opened_at, {
    direction: "inbound",
    sender: { type: "contact", id: contact_id, name: event.name },
    content: event.content,
    status: "received",
    external_id: event.external_id,
    sent_at: event.occurred_at,
  });
  return { outcome: "applied" };
}

export async function isStored(ctx: TxCtx, channel: Channel, external_id: string): Promise<boolean> {
  const found = await ctx.db
    .select({ id: messages.id })
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.channel_id, channel.id), eq(messages.external_id, external_id)));
  return found.length > 0;
}

/** The one open conversation with a contact on a channel, made if there is none, and locked. */
export async function openConversation(ctx: TxCtx, channel: Channel, contact_id: Id<"cont">): Promise<ConversationRow> {
  const now = ctx.now();
  const find = () =>
    ctx.db
      .select()
      .from(conversations)
      .where(
        and(
          mine(ctx, conversations),
          eq(conversations.channel_id, channel.id),
          eq(conversations.contact_id, contact_id),
          inArray(conversations.status, [...openStatuses]),
        ),
      )
      .for("update");

  const [open] = await find();
  if (open) return open;
  const [made] = await ctx.db
    .insert(conversations)
    .values({
      workspace_id: ctx.workspace_id,
      id: ctx.newId("conv"),
      channel: channel.channel,
      channel_id: channel.id,
      contact_id,
      last_message_at: now,
      created_at: now,
      updated_at: now,
    })
    .onConflictDoNothing({
      target: [conversations.workspace_id, conversations.channel_id, conversations.contact_id],
      where: sql`status in ('open', 'pending') and channel <> 'twilio_voice'`,
    })
    .returning();
  if (made) return made;
  // Somebody opened one at the same moment; it is committed by now.
  const [theirs] = await find();
  if (!theirs) return openConversation(ctx, channel, contact_id);
  return theirs;
}
