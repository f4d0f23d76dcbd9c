import { openCredentials } from "../channels/credentials.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { providers } from "../channels/providers/all.ts";
import { refused, type Credentials, type SendError, type SendOutcome } from "../channels/providers/provider.ts";
import { channels } from "../channels/tables.ts";
import { addressesOf, addressFor, findAddress, isSame, type Address } from "../conversations/addresses.ts";
import { systemCtx, type Ctx, type Services } from "../core/context.ts";
import { idOf } from "../core/ids.ts";
import { emptyReport, type ChoreOptions, type ChoreReport } from "../core/chore.ts";
import { epochMs, msBetween, seconds } from "../core/time.ts";
import { claim, firstTurn, isFirst, revive, type Claim } from "../db/lease.ts";
import { findMine } from "../db/mine.ts";
import { judgeTemplate } from "../templates/judge-template.ts";
import { callOf, isOver } from "./find-call.ts";
import { address_gone, admit, isWanted } from "./may-send.ts";
import type { MessageRow } from "./present.ts";
import { sendQueue } from "./send-queue.ts";
import { settleMessage } from "./settle-message.ts";
import { messages } from "./tables.ts";

const at_once = 16;
const limits = { lanes: at_once, in_flight_per_lane: 8, limit: at_once };
/** Room for one send (10 s in all) and its settlement; with less of the lease left a row is let go. */
const send_room_ms = seconds(15);

/** Sends what is queued until nothing is due or the time is spent. */
export async function dispatchMessages(services: Services, { budget_ms, signal }: ChoreOptions): Promise<ChoreReport> {
  const report = emptyReport();
  const until = epochMs(services.now()) + budget_ms;
  let turn = firstTurn();
  let found = false;
  while (!signal?.aborted) {
    await revive(services.db, sendQueue, services.now());
    const claimed = await claim(services.db, sendQueue, { now: services.now(), turn, ...limits });
    turn = claimed.turn;
    report.claimed += claimed.claims.length;
    await sendAll(services, claimed.claims, report);

    found ||= claimed.claims.length > 0;
    if (isFirst(turn)) {
      if (!found) break;
      found = false;
    }
    if (epochMs(services.now()) >= until) break;
  }
  return report;
}

/** Each is of another conversation, so they go out side by side. What is claimed is sent: that takes no longer than one of them. */
async function sendAll(services: Services, claims: Claim[], report: ChoreReport): Promise<void> {
  const jobs = await Promise.all(claims.map((row) => readJob(services, row)));
  await Promise.all(
    jobs.map(async (job) => {
      report[await sendOne(job)] += 1;
    }),
  );
}

interface Job {
  ctx: Ctx;
  row: Claim;
  message: MessageRow;
}

async function readJob(services: Services, row: Claim): Promise<Job> {
  const ctx = systemCtx(services, row.workspace_id);
  return { ctx, row, message: await findMine(ctx, messages, idOf("msg", row.uuid)) };
}

async function sendOne({ ctx, row, message }: Job): Promise<"succeeded" | "retried" | "failed"> {
  try {
    const channel = await findMine(ctx, channels, message.channel_id);
    return await settleMessage(ctx, row, message, channel, await attempt(ctx, row, message, channel));
  } catch (error) {
    // One message's mishap is not the others'. Its lease runs out, and nobody knows whether it was sent.
    ctx.log.error({ err: error, message_id: message.id }, "a send was not settled");
    return "failed";
  }
}

/** Everything is judged again with a fresh clock: the window may have closed while the message waited. */
async function attempt(ctx: Ctx, row: Claim, message: MessageRow, channel: Channel): Promise<SendOutcome> {
  const { id, channel_id, conversation_id, address_id, content } = message;
  if (channel.status === "disconnected") return refused("channel_disconnected", "The channel is not connected.");
  const addresses = await addressesOf(ctx, channel, message);
  const address = addressFor(addresses, address_id);
  if (address_id !== null && !address) return refused("recipient_unreachable", address_gone);
  const admitted = await admit(ctx, channel.channel, message, address?.last_inbound_at ?? null);
  if (admitted === "refused") return refused("messaging_window_closed", "The window closed before the message was sent.");
  if (!isWanted(address)) {
    return refused("recipient_opted_out", "The contact asked for no more messages before it was sent.");
  }
  const call = channel.channel === "twilio_voice" ? await callOf(ctx, conversation_id) : undefined;
  if (call && isOver(call.content.state)) return refused("recipient_unreachable", "The call ended before it could be said.");
  const template = content.type === "template" ? await judgeTemplate(ctx, channel, content) : undefined;
  if (template && !template.ok) return refused(template.code, template.detail);
  const credentials = readCredentials(ctx, channel.credentials);
  if (!credentials) return postponed("channel_auth_failed", "The channel's credentials cannot be read.");
  if (msBetween(ctx.now(), row.lease_until) < send_room_ms) return postponed("provider_unavailable", "The worker ran late.");
  const outbound = {
    message_id: id,
    channel_id,
    account_id: channel.account_id,
    call_id: call?.external_id ?? undefined,
    to: address_id !== null && address ? [address] : addresses,
    content,
    parameters: template?.parameters,
    as_human_agent: admitted === "as_human_agent",
  };
  return asNews(await providers[channel.provider].send(outbound, credentials, ctx), addresses);
}

/** A spelling that is known already is nothing to write down with every message. */
function asNews(outcome: SendOutcome, addresses: Address[]): SendOutcome {
  if (outcome.outcome !== "sent" || !outcome.known_as) return outcome;
  const [of, is] = [outcome.known_as.of, outcome.known_as.is].map((spelling) => findAddress(addresses, spelling));
  return of && is && isSame(of, is) ? { ...outcome, known_as: undefined } : outcome;
}

/** Undefined where the master key that sealed them is not configured: a fault of ours, which may be mended. */
function readCredentials(ctx: Ctx, sealed: string): Credentials | undefined {
  try {
    return openCredentials(ctx, sealed);
  } catch (error) {
    ctx.log.error({ err: error }, "a channel's credentials cannot be read");
    return undefined;
  }
}

/** The provider was not asked, and may be later. */
const postponed = (code: SendError["code"], detail: string): SendOutcome => ({
  outcome: "retry",
  error: { code, detail, provider_code: null },
  retry_after_ms: null,
});
