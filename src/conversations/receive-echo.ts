import { and, desc, eq, inArray, isNull, sql } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import { knowContact, windowOpenedAt } from "../contacts/know-contact.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { isStored, openConversation } from "./receive-message.ts";
import { storeMessage } from "./store-message.ts";
import { messages } from "./tables.ts";

type Echo = Extract<InboundEvent, { kind: "echo" }>;

/** A message of the business told back to us: one that we sent, or one that a person wrote in the provider's inbox. */
export async function receiveEcho(ctx: TxCtx, channel: Channel, event: Echo): Promise<Effect> {
  if (event.to.length === 0) return { outcome: "ignored", detail: "no recipient" };
  await takeTurnOn(ctx, channel.id, event.external_id);
  if (await isStored(ctx, channel, event.external_id)) return { outcome: "ignored", detail: "our own" };

  const contact_id = await knowContact(ctx, event.to, null);
  if (await adopt(ctx, channel, contact_id, event)) return { outcome: "applied" };
  const conversation = await openConversation(ctx, channel, contact_id);
  await storeMessage(ctx, conversation, await windowOpenedAt(ctx, channel.id, contact_id), {
    direction: "outbound",
    sender: { type: "team_member", id: null, name: null },
    content: event.content,
    status: "sent",
    external_id: event.external_id,
    sent_at: event.occurred_at,
  });
  return { outcome: "applied" };
}

/** Ours is on its way, or nobody knows, and says the same: then this is its echo. */
async function adopt(ctx: TxCtx, channel: Channel, contact_id: Id<"cont">, event: Echo): Promise<boolean> {
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
        sql`${messages.content} = ${JSON.stringify(event.content)}::text::jsonb`,
      ),
    )
    .orderBy(desc(messages.id))
    .limit(1)
    .for("update");
  if (!ours) return false;
  await ctx.db
    .update(messages)
    .set({ external_id: event.external_id, status: "sent", sent_at: event.occurred_at, updated_at: ctx.now(), lease_id: null, lease_until: null })
    .where(and(mine(ctx, messages), eq(messages.id, ours.id)));
  return true;
}
