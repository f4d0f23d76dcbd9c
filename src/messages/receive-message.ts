import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import { keepConsent } from "../contacts/consent.ts";
import { knowContact } from "../contacts/know-contact.ts";
import { openWindow } from "../contacts/open-window.ts";
import type { TxCtx } from "../core/context.ts";
import { newConversation } from "../conversations/new-conversation.ts";
import type { Id } from "../core/ids.ts";
import { earliest } from "../core/time.ts";
import { applyHeld } from "./apply-held.ts";
import { isStored } from "./is-stored.ts";
import { lockOneOpen, oneOpen } from "../conversations/one-open.ts";
import type { ConversationRow } from "../conversations/present.ts";
import { storeMessage } from "./store-message.ts";
import { conversations } from "../conversations/tables.ts";

type Message = Extract<InboundEvent, { kind: "message" }>;

/** A contact's message: into their open conversation or a new one; it opens the 24-hour window. */
export async function receiveMessage(ctx: TxCtx, channel: Channel, event: Message): Promise<Effect> {
  if (event.from.length === 0) return { outcome: "ignored", detail: "no sender" };
  await takeTurnOn(ctx, channel.id, event.external_id);
  if (await isStored(ctx, channel.id, event.external_id)) return { outcome: "ignored", detail: "stored already" };

  const contact_id = await knowContact(ctx, event.from, event.name, event.occurred_at);
  // A provider whose clock runs ahead does not lengthen the window.
  const window_opened_at = await openWindow(ctx, channel.id, contact_id, event.from, earliest(event.occurred_at, ctx.now()));
  if (event.consent) await keepConsent(ctx, channel.id, event.from, event.consent);
  const conversation = await openConversation(ctx, channel, contact_id);
  const { id } = await storeMessage(ctx, conversation, window_opened_at, {
    direction: "inbound",
    sender: { type: "contact", id: contact_id, name: event.name },
    content: event.content,
    status: "received",
    external_id: event.external_id,
    client_reference: event.client_reference ?? null,
    sent_at: event.occurred_at,
  });
  await applyHeld(ctx, { id, channel_id: channel.id, external_id: event.external_id });
  return { outcome: "applied" };
}

/** The one open conversation with a contact on a channel, made if there is none, and locked. */
export async function openConversation(ctx: TxCtx, channel: Channel, contact_id: Id<"cont">): Promise<ConversationRow> {
  return (await lockOneOpen(ctx, { channel_id: channel.id, contact_id })) ?? (await beginConversation(ctx, channel, contact_id));
}

/** The same where none was found; opened to the address that was named, if one was. */
export async function beginConversation(
  ctx: TxCtx,
  channel: Channel,
  contact_id: Id<"cont">,
  address_id: string | null = null,
): Promise<ConversationRow> {
  const [made] = await ctx.db
    .insert(conversations)
    .values(newConversation(ctx, channel, contact_id, address_id))
    .onConflictDoNothing(oneOpen)
    .returning();
  if (made) return made;
  // Somebody opened one at the same moment: it is committed by now, unless it is closed again.
  const open = await lockOneOpen(ctx, { channel_id: channel.id, contact_id });
  return open ?? beginConversation(ctx, channel, contact_id, address_id);
}
