import { and, eq, sql } from "drizzle-orm";
import type { CallState, Identity } from "../channels/contract.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import type { CallNews, CallPart } from "../channels/providers/provider.ts";
import { provider_events } from "../channels/tables.ts";
import { knowContact } from "../contacts/know-contact.ts";
import { openWindow, windowOpenedAt } from "../contacts/open-window.ts";
import { addressesOf, findAddress } from "../conversations/addresses.ts";
import { endConversation } from "../conversations/close-conversation.ts";
import { isOpen, lockConversation } from "../conversations/find-conversation.ts";
import { conversations } from "../conversations/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { newConversation } from "../conversations/new-conversation.ts";
import type { Id } from "../core/ids.ts";
import { earliest } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { charge } from "../usage/charge.ts";
import { minutesOf } from "./charges.ts";
import { isOver, lockCall, type CallMessage } from "./find-call.ts";
import { isStored } from "./is-stored.ts";
import { storeMessage } from "./store-message.ts";
import { messages } from "./tables.ts";

/** News of a call: each call is a conversation, and in it one message that tells how the call fares. */
export async function receiveCall(ctx: TxCtx, channel: Channel, news: CallNews): Promise<Effect> {
  await takeTurnOn(ctx, channel.id, news.external_id);
  const call = await lockCall(ctx, channel.id, news.external_id);
  if (call) return follow(ctx, call, news);
  if (news.people.length === 0) return held(news);
  await begin(ctx, channel, news);
  await takeHeld(ctx, channel, news.external_id);
  return { outcome: "applied" };
}

/** What was said in a call, or its recording. It may be told before the call itself is, and after its end. */
export async function receiveCallPart(ctx: TxCtx, channel: Channel, part: CallPart): Promise<Effect> {
  await takeTurnOn(ctx, channel.id, part.external_id);
  const call = await lockCall(ctx, channel.id, part.external_id);
  if (!call) return held(part);
  if (await isStored(ctx, channel.id, part.part_id)) return { outcome: "ignored", detail: "stored already" };

  const { conversation, window_opened_at } = await lockConversation(ctx, call);
  const inbound = part.direction === "inbound";
  await storeMessage(ctx, conversation, window_opened_at, {
    direction: part.direction,
    sender: inbound ? { type: "contact", id: call.contact_id, name: null } : { type: "system", id: null, name: null },
    content: part.content,
    status: inbound ? "received" : "delivered",
    external_id: part.part_id,
    sent_at: part.occurred_at,
  });
  return { outcome: "applied" };
}

async function begin(ctx: TxCtx, channel: Channel, { external_id, direction, people, state, duration_seconds, occurred_at }: CallNews) {
  const contact_id = await knowContact(ctx, people, null, occurred_at);
  const address_id = await addressOf(ctx, channel, contact_id, people);
  const inbound = direction === "inbound";
  const window_opened_at = inbound
    ? await openWindow(ctx, channel.id, contact_id, people, earliest(occurred_at, ctx.now()))
    : await windowOpenedAt(ctx, channel.id, contact_id);
  const [conversation] = await ctx.db
    .insert(conversations)
    .values(newConversation(ctx, channel, contact_id))
    .returning();
  const call = await storeMessage(ctx, conversation!, window_opened_at, {
    direction,
    sender: inbound ? { type: "contact", id: contact_id, name: null } : { type: "system", id: null, name: null },
    content: { type: "call", state, duration_seconds },
    address_id,
    status: inbound ? "received" : "sent",
    external_id,
    sent_at: occurred_at,
  });
  if (isOver(state)) await hangUp(ctx, call);
}

/** Whom the call is with; null where they hide their number. */
async function addressOf(ctx: TxCtx, channel: Channel, contact_id: Id<"cont">, [person]: Identity[]): Promise<string | null> {
  const addresses = await addressesOf(ctx, channel, { contact_id, conversation_id: null });
  return (person && findAddress(addresses, person)?.address_id) ?? null;
}

/** A call never goes back, and what ended stays ended. */
async function follow(ctx: TxCtx, { id, conversation_id, channel, channel_id, content }: CallMessage, news: CallNews): Promise<Effect> {
  const is_news = progressOf(news.state) > progressOf(content.state);
  const state = is_news ? news.state : content.state;
  const duration_seconds = content.duration_seconds ?? news.duration_seconds;
  if (!is_news && duration_seconds === content.duration_seconds) return { outcome: "ignored", detail: "nothing new of the call" };
  // How long it was is learnt once, and charged then.
  const minutes = content.duration_seconds === null ? minutesOf({ type: "call", state, duration_seconds }) : [];
  const credits = await charge(ctx, { channel, channel_id, conversation_id, message_id: id }, minutes);
  await ctx.db
    .update(messages)
    .set({
      content: { type: "call", state, duration_seconds },
      credits: sql`${messages.credits} + ${credits}::numeric`,
      updated_at: ctx.now(),
    })
    .where(and(mine(ctx, messages), eq(messages.id, id)));
  if (is_news && isOver(state)) await hangUp(ctx, { conversation_id });
  return { outcome: "applied" };
}

const progressOf = (state: CallState): number => (isOver(state) ? 2 : state === "in_progress" ? 1 : 0);

/** Closed by the contact, unless somebody closed it before. */
async function hangUp(ctx: TxCtx, call: Pick<CallMessage, "conversation_id">): Promise<void> {
  const { conversation, window_opened_at } = await lockConversation(ctx, call);
  if (!isOpen(conversation.status)) return;
  await endConversation(ctx, conversation, window_opened_at, { status: "ended", closed_by: "contact" });
}

/** Without the callback itself, which the event is kept with anyway. */
function held(told: CallNews | CallPart): Effect {
  const { external_id, occurred_at, direction } = told;
  const about = { external_id, occurred_at, direction };
  if ("part_id" in told) return { outcome: "held", held: { ...about, part_id: told.part_id, content: told.content } };
  const { people, state, duration_seconds } = told;
  return { outcome: "held", held: { ...about, people, state, duration_seconds } };
}

/** Now that the call is known, what was told of it before takes effect. */
async function takeHeld(ctx: TxCtx, channel: Channel, external_id: string): Promise<void> {
  const told = await ctx.db
    .update(provider_events)
    .set({ outcome: "applied" })
    .where(
      and(
        mine(ctx, provider_events),
        eq(provider_events.channel_id, channel.id),
        eq(provider_events.external_id, external_id),
        // In words of SQL: with a parameter in its place the index of held reports could not be used.
        sql`${provider_events.outcome} = 'held'`,
      ),
    )
    .returning({ held: provider_events.held });
  for (const { held: news } of told) {
    if (news && "part_id" in news) await receiveCallPart(ctx, channel, news);
    if (news && "state" in news) await receiveCall(ctx, channel, news);
  }
}
