import { and, desc, eq, inArray, isNull, sql } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import { knowContact } from "../contacts/know-contact.ts";
import { windowOpenedAt } from "../contacts/open-window.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { applyHeld } from "./apply-held.ts";
import { isStored } from "./is-stored.ts";
import { openConversation } from "./receive-message.ts";
import { storeMessage } from "./store-message.ts";
import { messages } from "./tables.ts";

type Echo = Extract<InboundEvent, { kind: "echo" }>;

/** A message of the business told back to us: one that we sent, or one that a person wrote in the provider's inbox. */
export async function receiveEcho(ctx: TxCtx, channel: Channel, event: Echo): Promise<Effect> {
  if (event.to.length === 0) return { outcome: "ignored", detail: "no recipient" };
  await takeTurnOn(ctx, channel.id, event.external_id);
  if (await isStored(ctx, channel.id, event.external_id)) return { outcome: "ignored", detail: "our own" };

  const contact_id = await knowContact(ctx, event.to, null);
  const { id } = (await adopt(ctx, channel, contact_id, event)) ?? (await storeForeign(ctx, channel, contact_id, event));
  await applyHeld(ctx, { id, channel_id: channel.id, external_id: event.external_id });
  return { outcome: "applied" };
}

/** Ours is on its way, or nobody knows, and says the same: then this is its echo. */
async function adopt(ctx: TxCtx, channel: Channel, contact_id: Id<"cont">, event: Echo) {
  const [ours] = await ctx.db
    .select({ id: messages.id })
    .from(messages)
    .where(
      and(
        mine(ctx, messages),
        eq(messages.channel_id, channel.id),
        eq(messages.contact_id, contact_id),
        inArray(messages.status, ["sending", "unknown"]),
        isNull(messages.external_id),
        // A provider gives a file an address of its own.
        sql`${messages.content} - 'url' = ${JSON.stringify(event.content)}::text::jsonb - 'url'`,
      ),
    )
    .orderBy(desc(messages.id))
    .limit(1)
    .for("update");
  if (!ours) return undefined;
  await ctx.db
    .update(messages)
    .set({
      external_id: event.external_id,
      status: "sent",
      sent_at: event.occurred_at,
      error: null,
      updated_at: ctx.now(),
      lease_id: null,
      lease_until: null,
    })
    .where(and(mine(ctx, messages), eq(messages.id, ours.id)));
  return ours;
}

/** Somebody of the team wrote it elsewhere. */
async function storeForeign(ctx: TxCtx, channel: Channel, contact_id: Id<"cont">, event: Echo) {
  const conversation = await openConversation(ctx, channel, contact_id);
  return storeMessage(ctx, conversation, await windowOpenedAt(ctx, channel.id, contact_id), {
    direction: "outbound",
    sender: { type: "team_member", id: null, name: null },
    content: event.content,
    status: "sent",
    external_id: event.external_id,
    sent_at: event.occurred_at,
  });
}
