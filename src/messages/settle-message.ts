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
import { applyHeld } from "./apply-held.ts";
import { catchUp, holdWatermarks } from "./apply-watermark.ts";
import { isStored } from "./is-stored.ts";
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
    const external_id = outcome.outcome === "sent" ? await idOfOurs(tx, channel_id, outcome.external_id) : null;
    const recipients = external_id !== null && channel === "facebook_page" ? await identitiesOf(tx, contact_id) : [];
    const people = await holdWatermarks(tx, channel_id, recipients);
    const now = tx.now();
    const state = stateAfter(now, row, outcome);
    const [settled] = await tx.db
      .update(messages)
      .set({ external_id, attempts: row.attempts + 1, lease_id: null, lease_until: null, due_at: null, updated_at: now, ...state })
      .where(stillLeased(sendQueue, row))
      .returning({ id: messages.id });
    if (settled && external_id !== null) {
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

/** An echo that came first, and did not say the same, was stored as a message of its own, and keeps the id. */
async function idOfOurs(ctx: TxCtx, channel_id: Id<"chan">, external_id: string): Promise<string | null> {
  await takeTurnOn(ctx, channel_id, external_id);
  return (await isStored(ctx, channel_id, external_id)) ? null : external_id;
}

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
