import { and, eq, gt, inArray, isNull, lte, or, sql, type SQL } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { takeTurnOn, type Effect } from "../channels/note-event.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import { whoHas } from "../contacts/know-contact.ts";
import { raiseWatermark, watermarksOf } from "../contacts/watermarks.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

type Watermark = Extract<InboundEvent, { kind: "watermark" }>;

/** Everything that was sent to a person up to a moment has come that far. What is stored later catches up. */
export async function applyWatermark(ctx: TxCtx, channel: Channel, { person, status, until }: Watermark): Promise<Effect> {
  await takeTurnOn(ctx, channel.id, person.value);
  await raiseWatermark(ctx, channel.id, person, status, until);
  const contact_id = await whoHas(ctx, [person]);
  if (contact_id) await mark(ctx, status, until, and(eq(messages.channel_id, channel.id), eq(messages.contact_id, contact_id))!);
  return { outcome: "applied" };
}

/**
 * Those of a message's recipients who may have watermarks; only Messenger has them. They are held until the transaction
 * ends, and asked for before the message is touched: a watermark holds them too while it touches messages.
 */
export async function holdWatermarks(ctx: TxCtx, channel_id: Id<"chan">, recipients: Identity[]): Promise<Identity[]> {
  const people = recipients.filter(({ kind }) => kind === "page_user").toSorted((a, b) => (a.value < b.value ? -1 : 1));
  for (const { value } of people) await takeTurnOn(ctx, channel_id, value);
  return people;
}

/** A message that was stored, or whose time was learnt, after what covers it was told. */
export async function catchUp(ctx: TxCtx, { id, channel_id }: Pick<MessageRow, "id" | "channel_id">, people: Identity[]): Promise<void> {
  for (const person of people) {
    const { delivered, read } = await watermarksOf(ctx, channel_id, person);
    if (delivered) await mark(ctx, "delivered", delivered, eq(messages.id, id));
    if (read) await mark(ctx, "read", read, eq(messages.id, id));
  }
}

/** What `judgeReport` says of one report and one message, for all that were sent by then. */
async function mark(ctx: TxCtx, status: "delivered" | "read", until: Timestamp, which: SQL): Promise<void> {
  const stamp = `${status}_at` as const;
  const before = status === "read" ? (["sent", "delivered"] as const) : (["sent"] as const);
  await ctx.db
    .update(messages)
    .set({
      [stamp]: until,
      status: sql`case when ${inArray(messages.status, [...before])} then ${status} else ${messages.status} end`,
      updated_at: ctx.now(),
    })
    .where(
      and(
        mine(ctx, messages),
        which,
        eq(messages.direction, "outbound"),
        inArray(messages.status, ["sent", "delivered", "read"]),
        lte(messages.sent_at, until),
        or(isNull(messages[stamp]), gt(messages[stamp], until)),
      ),
    );
}
