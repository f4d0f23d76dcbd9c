import { and, eq } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { markBroken } from "../channels/mark-broken.ts";
import { takeTurnOn } from "../channels/note-event.ts";
import type { SendOutcome } from "../channels/providers/provider.ts";
import { addSpelling } from "../contacts/add-spelling.ts";
import { identitiesOf } from "../contacts/identities.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { after, minutes, seconds, type Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { stillLeased, type Claim } from "../db/lease.ts";
import { findMine, mine } from "../db/mine.ts";
import { applyHeld } from "./apply-held.ts";
import { catchUp, holdWatermarks } from "./apply-watermark.ts";
import type { StoredMessageStatus } from "./contract.ts";
import { isForeign, takeOver } from "./foreign.ts";
import type { MessageRow } from "./present.ts";
import { sendQueue } from "./send-queue.ts";
import { messages } from "./tables.ts";

/** Writes what became of a send, if the lease still holds, together with the reports that came before it. */
export function settleMessage(
  ctx: Ctx,
  row: Claim,
  { id, channel, channel_id, contact_id }: MessageRow,
  { credentials }: Channel,
  outcome: SendOutcome,
) {
  return atomically(ctx, async (tx): Promise<"succeeded" | "retried" | "failed"> => {
    if (outcome.outcome === "sent") await takeTurnOn(tx, channel_id, outcome.external_id);
    const recipients = outcome.outcome === "sent" && channel === "facebook_page" ? await identitiesOf(tx, contact_id) : [];
    const people = await holdWatermarks(tx, channel_id, recipients);
    const external_id = outcome.outcome === "sent" ? await idOfOurs(tx, { id, channel_id }, outcome.external_id) : null;
    const now = tx.now();
    const state = stateAfter(now, row, outcome);
    const [settled] = await tx.db
      .update(messages)
      .set({ external_id, attempts: row.attempts + 1, lease_id: null, lease_until: null, due_at: null, updated_at: now, ...state })
      .where(stillLeased(sendQueue, row))
      .returning({ id: messages.id });
    const is_known = external_id !== null && (settled !== undefined || (await learnLate(tx, id, { ...state, external_id })));
    if (is_known) {
      await applyHeld(tx, { id, channel_id, external_id });
      await catchUp(tx, { id, channel_id }, people);
    }
    if (outcome.outcome === "sent" && outcome.known_as) await addSpelling(tx, contact_id, outcome.known_as);
    if (outcome.outcome === "failed" && outcome.error.code === "channel_auth_failed")
      await markBroken(tx, { channel_id, credentials, error: outcome.error });
    if (state.status === "scheduled") return "retried";
    return outcome.outcome === "sent" ? "succeeded" : "failed";
  });
}

/** An echo that came first, and did not say the same, was stored as somebody else's message. Null where another of ours has the id. */
async function idOfOurs(
  ctx: TxCtx,
  { id, channel_id }: Pick<MessageRow, "id" | "channel_id">,
  external_id: string,
): Promise<string | null> {
  const [holder] = await ctx.db
    .select()
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.channel_id, channel_id), eq(messages.external_id, external_id)))
    .for("update");
  if (!holder || holder.id === id) return external_id;
  if (!isForeign(holder)) return null;
  await takeOver(ctx, id, holder);
  return external_id;
}

/**
 * The lease was lost: it ran out, or news of an attempt before this one came in between. That the provider took the message stands
 * all the same, and what waits is not sent again. False where the message has an id that it keeps.
 */
async function learnLate(ctx: TxCtx, id: Id<"msg">, taken: Partial<MessageRow> & { external_id: string }): Promise<boolean> {
  const { status, external_id, past_external_ids } = await findMine(ctx, messages, id, { lock: "update" });
  if (external_id === taken.external_id || past_external_ids.includes(taken.external_id)) return false;
  const is_news = untaken.includes(status);
  const past = is_news ? external_id : taken.external_id;
  await ctx.db
    .update(messages)
    .set({
      past_external_ids: past === null ? past_external_ids : [...past_external_ids, past],
      ...(is_news && { ...taken, failed_at: null, due_at: null, updated_at: ctx.now() }),
    })
    .where(and(mine(ctx, messages), eq(messages.id, id)));
  return is_news;
}

const untaken: readonly StoredMessageStatus[] = ["queued", "scheduled", "unknown", "failed"];

const retry_delays_ms = [seconds(5), seconds(30), minutes(2), minutes(10), minutes(30)];

function stateAfter(now: Timestamp, { attempts }: Claim, outcome: SendOutcome): Partial<MessageRow> {
  switch (outcome.outcome) {
    case "sent":
      return { status: outcome.status, sent_at: now, delivered_at: outcome.status === "delivered" ? now : null, error: null };
    case "failed":
      return { status: "failed", failed_at: now, error: outcome.error };
    case "unknown":
      return { status: "unknown", error: { code: "provider_error", detail: outcome.detail, provider_code: null } };
    case "retry": {
      const delay_ms = retry_delays_ms[attempts];
      if (delay_ms === undefined) return { status: "failed", failed_at: now, error: outcome.error };
      return { status: "scheduled", due_at: after(now, Math.max(delay_ms, outcome.retry_after_ms ?? 0)), error: outcome.error };
    }
  }
}
