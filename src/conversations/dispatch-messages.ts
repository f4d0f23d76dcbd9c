import { and, eq, sql } from "drizzle-orm";
import { openCredentials } from "../channels/credentials.ts";
import { takeTurnOn } from "../channels/note-event.ts";
import { providers } from "../channels/providers/all.ts";
import type { SendError, SendOutcome } from "../channels/providers/provider.ts";
import { channels, provider_events } from "../channels/tables.ts";
import { windowOpenedAt } from "../contacts/know-contact.ts";
import { contact_identities } from "../contacts/tables.ts";
import { systemCtx, type Ctx, type Services, type TxCtx } from "../core/context.ts";
import { idOf } from "../core/ids.ts";
import { emptyReport, type JobReport } from "../core/job.ts";
import { after, epochMs, minutes, msBetween, seconds, type Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { claim, firstTurn, revive, stillLeased, type Claim, type Queue } from "../db/lease.ts";
import { findMine, mine } from "../db/mine.ts";
import { changeOf } from "./apply-status.ts";
import { messagingWindow } from "./messaging-window.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

/** A worker that died may have sent: what it leaves behind is unknown, and never sent again. */
export const sendQueue: Queue = {
  table: messages,
  lane: messages.channel_id,
  words: { ready: "queued", waiting: "scheduled", leased: "sending", abandoned: "unknown" },
};

const at_once = 16;
const in_flight_per_channel = 8;
/** Room for one send (10 s in all) and its settlement; with less of the lease left a row is let go. */
const send_room_ms = seconds(15);
const retry_delays_ms = [seconds(5), seconds(30), minutes(2), minutes(10), minutes(30)];

/** Sends what is queued until nothing is due or the time is spent. */
export async function dispatchMessages(services: Services, { budget_ms }: { budget_ms: number }): Promise<JobReport> {
  const report = emptyReport();
  const until = epochMs(services.now()) + budget_ms;
  let turn = firstTurn();
  do {
    await revive(services.db, sendQueue, services.now());
    const claimed = await claim(services.db, sendQueue, {
      now: services.now(),
      turn,
      lanes: at_once,
      in_flight_per_lane: in_flight_per_channel,
      limit: at_once,
    });
    if (claimed.claims.length === 0 && turn.lane === firstTurn().lane) break;
    turn = claimed.turn;
    report.claimed += claimed.claims.length;
    for (const result of await Promise.all(claimed.claims.map((row) => sendOne(services, row)))) report[result] += 1;
  } while (epochMs(services.now()) < until);
  return report;
}

async function sendOne(services: Services, row: Claim): Promise<"succeeded" | "retried" | "failed"> {
  const ctx = systemCtx(services, row.workspace_id);
  const message = await findMine(ctx, messages, idOf("msg", row.uuid));
  const outcome = await attempt(ctx, row, message);
  await settle(ctx, row, outcome);
  return outcome.outcome === "sent" ? "succeeded" : outcome.outcome === "retry" ? "retried" : "failed";
}

/** Everything is judged again with a fresh clock: the window may have closed while the message waited. */
async function attempt(ctx: Ctx, row: Claim, message: MessageRow): Promise<SendOutcome> {
  const channel = await findMine(ctx, channels, message.channel_id);
  if (channel.status === "disconnected") return refused("channel_disconnected", "The channel is not connected.");
  const opened_at = await windowOpenedAt(ctx, channel.id, message.contact_id);
  if (messagingWindow(message.channel, opened_at, ctx.now()).state === "closed") {
    return refused("messaging_window_closed", "The 24-hour window closed before the message was sent.");
  }
  const to = await ctx.db
    .select({ kind: contact_identities.kind, value: contact_identities.value })
    .from(contact_identities)
    .where(and(mine(ctx, contact_identities), eq(contact_identities.contact_id, message.contact_id)));
  if (msBetween(ctx.now(), row.lease_until) < send_room_ms) {
    return { outcome: "retry", error: { code: "provider_unavailable", detail: "The worker ran late.", provider_code: null }, retry_after_ms: 0 };
  }
  try {
    return await providers[channel.provider].send(
      { message_id: message.id, account_id: channel.account_id, to, content: message.content },
      openCredentials(ctx, channel.credentials),
      ctx,
    );
  } catch (error) {
    ctx.log.error({ err: error, message_id: message.id }, "a provider threw while sending");
    return { outcome: "unknown", detail: "The send did not end in an answer." };
  }
}

const refused = (code: SendError["code"], detail: string): SendOutcome => ({ outcome: "failed", error: { code, detail, provider_code: null } });

/** Writes what became of it, if the lease still holds, together with the reports that came before it. */
async function settle(ctx: Ctx, row: Claim, outcome: SendOutcome): Promise<void> {
  await atomically(ctx, async (tx) => {
    const message = await findMine(tx, messages, idOf("msg", row.uuid));
    if (outcome.outcome === "sent") await takeTurnOn(tx, message.channel_id, outcome.external_id);
    const [settled] = await tx.db
      .update(messages)
      .set({ attempts: row.attempts + 1, lease_id: null, lease_until: null, due_at: null, updated_at: tx.now(), ...stateAfter(tx.now(), row, outcome) })
      .where(stillLeased(sendQueue, row))
      .returning();
    if (settled && outcome.outcome === "sent") await applyHeld(tx, settled, outcome.external_id);
    if (outcome.outcome === "failed" && outcome.error.code === "channel_auth_failed") await markBroken(tx, message);
  });
}

function stateAfter(now: Timestamp, row: Claim, outcome: SendOutcome): Partial<MessageRow> {
  switch (outcome.outcome) {
    case "sent":
      return {
        external_id: outcome.external_id,
        status: outcome.status,
        sent_at: now,
        error: null,
        ...(outcome.status === "delivered" && { delivered_at: now }),
      };
    case "failed":
      return { status: "failed", failed_at: now, error: outcome.error };
    case "unknown":
      return { status: "unknown", error: { code: "provider_error", detail: outcome.detail, provider_code: null } };
    case "retry": {
      const delay_ms = retry_delays_ms[row.attempts];
      if (delay_ms === undefined) return { status: "failed", failed_at: now, error: outcome.error };
      return { status: "scheduled", due_at: after(now, Math.max(delay_ms, outcome.retry_after_ms ?? 0)), error: outcome.error };
    }
  }
}

async function applyHeld(ctx: TxCtx, message: MessageRow, external_id: string): Promise<void> {
  const held = and(
    mine(ctx, provider_events),
    eq(provider_events.channel_id, message.channel_id),
    eq(provider_events.external_id, external_id),
    sql`${provider_events.outcome} = 'held'`,
  );
  const reports = await ctx.db.update(provider_events).set({ outcome: "applied" }).where(held).returning({ report: provider_events.held });
  const in_order = reports.flatMap(({ report }) => report ?? []).sort((a, b) => (a.occurred_at < b.occurred_at ? -1 : 1));
  const told = in_order.reduce<MessageRow>((row, report) => ({ ...row, ...changeOf(row, report) }), message);
  if (in_order.length > 0) await ctx.db.update(messages).set(told).where(and(mine(ctx, messages), eq(messages.id, message.id)));
}

/** The provider no longer takes our credentials: the channel says so until they are mended. */
async function markBroken(ctx: TxCtx, message: MessageRow): Promise<void> {
  await ctx.db
    .update(channels)
    .set({ status: "error", updated_at: ctx.now() })
    .where(and(mine(ctx, channels), eq(channels.id, message.channel_id)));
}
