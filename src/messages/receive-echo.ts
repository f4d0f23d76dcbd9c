import { and, between, desc, eq, gt, inArray, isNull, sql } from "drizzle-orm";
import type { Content, Identity } from "../channels/contract.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import { knowContact } from "../contacts/know-contact.ts";
import { windowOpenedAt } from "../contacts/open-window.ts";
import type { TxCtx } from "../core/context.ts";
import { isId, type Id } from "../core/ids.ts";
import { after, minutes } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { applyHeld } from "./apply-held.ts";
import { catchUp, holdWatermarks } from "./apply-watermark.ts";
import { foreign_sender } from "./foreign.ts";
import { isStored } from "./is-stored.ts";
import { kindOf, textOf } from "./preview.ts";
import { openConversation } from "./receive-message.ts";
import { storeMessage } from "./store-message.ts";
import { messages } from "./tables.ts";

type Echo = Extract<InboundEvent, { kind: "echo" }>;

/** A message of the business told back to us: one that we sent, or one that a person wrote in the provider's inbox. */
export async function receiveEcho(ctx: TxCtx, channel: Channel, event: Echo): Promise<Effect> {
  if (event.to.length === 0) return { outcome: "ignored", detail: "no recipient" };
  await takeTurnOn(ctx, channel.id, event.external_id);
  const people = await holdWatermarks(ctx, channel.id, event.to);
  const named = await findNamed(ctx, channel, event);
  if (named?.external_id || (await isStored(ctx, channel.id, event.external_id))) {
    if (people.length > 0) await learnTime(ctx, channel, event, people);
    return { outcome: "ignored", detail: "our own" };
  }

  const contact_id = await knowContact(ctx, event.to, null, event.occurred_at);
  const ours = named ?? (await findAlike(ctx, channel, contact_id, event));
  const { id } = ours ? await adopt(ctx, ours, event) : await storeForeign(ctx, channel, contact_id, event);
  await applyHeld(ctx, { id, channel_id: channel.id, external_id: event.external_id });
  await catchUp(ctx, { id, channel_id: channel.id }, people);
  return { outcome: "applied" };
}

/** The message of ours that went with this name, whatever we believe became of it. */
async function findNamed(ctx: TxCtx, channel: Channel, { message_id }: Echo) {
  if (message_id === null || !isId("msg", message_id)) return undefined;
  const [named] = await ctx.db
    .select({ id: messages.id, external_id: messages.external_id })
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.id, message_id), eq(messages.channel_id, channel.id), eq(messages.direction, "outbound")))
    .for("update");
  return named;
}

/** The answer of a send comes a little later than the provider's own time of the message, which watermarks speak of. */
async function learnTime(ctx: TxCtx, channel: Channel, { external_id, occurred_at }: Echo, people: Identity[]): Promise<void> {
  const [learnt] = await ctx.db
    .update(messages)
    .set({ sent_at: occurred_at, updated_at: ctx.now() })
    .where(
      and(
        mine(ctx, messages),
        eq(messages.channel_id, channel.id),
        eq(messages.external_id, external_id),
        eq(messages.direction, "outbound"),
        gt(messages.sent_at, occurred_at),
      ),
    )
    .returning({ id: messages.id });
  if (learnt) await catchUp(ctx, { id: learnt.id, channel_id: channel.id }, people);
}

/**
 * Ours is on its way, or nobody knows, it was tried at about that time, and it says the same: then this is its echo. Messenger
 * gives our own id back with each of them.
 */
async function findAlike(ctx: TxCtx, channel: Channel, contact_id: Id<"cont">, { content, occurred_at }: Echo) {
  if (channel.provider === "facebook_page") return undefined;
  // The lease of what is under way ends soon after the attempt; that nobody knows was written down then.
  const tried_about = sql`coalesce(${messages.lease_until}, ${messages.updated_at})`;
  const tried = await ctx.db
    .select({ id: messages.id, content: messages.content })
    .from(messages)
    .where(
      and(
        mine(ctx, messages),
        eq(messages.channel_id, channel.id),
        eq(messages.contact_id, contact_id),
        inArray(messages.status, ["sending", "unknown"]),
        isNull(messages.external_id),
        between(tried_about, after(occurred_at, -alike_within_ms), after(occurred_at, alike_within_ms)),
      ),
    )
    .orderBy(desc(messages.id))
    .for("update");
  return tried.find((ours) => saidBy(ours.content) === saidBy(content));
}

/** Longer than an attempt, its lease and the two clocks' difference; shorter than people take to say the same again. */
const alike_within_ms = minutes(5);

/** What it says, however its lines end and its letters are put together. A provider gives a file an address of its own. */
const saidBy = (content: Content): string =>
  JSON.stringify([kindOf(content), (textOf(content) ?? "").normalize("NFC").replaceAll(/\s+/g, " ").trim()]);

async function adopt(ctx: TxCtx, ours: { id: Id<"msg"> }, event: Echo) {
  await ctx.db
    .update(messages)
    .set({
      external_id: event.external_id,
      status: "sent",
      sent_at: event.occurred_at,
      error: null,
      failed_at: null,
      updated_at: ctx.now(),
      due_at: null,
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
    sender: foreign_sender,
    content: event.content,
    status: "sent",
    external_id: event.external_id,
    sent_at: event.occurred_at,
    is_foreign: true,
  });
}
