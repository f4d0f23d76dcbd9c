import type { Services } from "../core/context.ts";
import { emptyReport, type ChoreReport } from "../core/chore.ts";
import { epochMs, msBetween, seconds } from "../core/time.ts";
import { firstTurn, isFirst, type Claim } from "../db/lease.ts";
import { claimDeliveries, readClaimed, type ClaimedDelivery } from "./claim-deliveries.ts";
import { judge } from "./judge.ts";
import { cancelClaimed, settleDeliveries, type Result } from "./settle-deliveries.ts";
import { signedRequest } from "./sign.ts";

const posts_at_once = 64;
/** A lease lasts 60 s and a post 10: no more is held than can be posted within the lease less one post. */
const claim_size = 5 * posts_at_once;
const limits = { lanes: 64, in_flight_per_lane: 100, limit: claim_size };
/** Room for one post (10 s in all) and its settlement; with less of the lease left a row is let go. */
const post_room_ms = seconds(15);

/** Kept by the process: a run that ends early goes on where it stopped, and not with the same endpoints again. */
let turn = firstTurn();

/**
 * claim → sign → post → judge → record, until nothing is due or the time is spent. No transaction is open
 * while a request is on the wire.
 */
export async function dispatchDeliveries(services: Services, { budget_ms }: { budget_ms: number }): Promise<ChoreReport> {
  const report = emptyReport();
  const until = epochMs(services.now()) + budget_ms;
  // A round that did not begin at the first endpoint says nothing about those before it.
  let found = !isFirst(turn);
  do {
    const claimed = await claimDeliveries(services, turn, limits);
    turn = claimed.turn;
    report.claimed += claimed.deliveries.length;
    await deliverAll(services, claimed.deliveries, report);

    found ||= claimed.deliveries.length > 0;
    if (!isFirst(claimed.turn)) continue;
    if (!found) break;
    found = false;
  } while (epochMs(services.now()) < until);
  return report;
}

/** Results are written while the next posts are on the wire: by one worker at a time, with all that came in meanwhile. */
async function deliverAll(services: Services, deliveries: ClaimedDelivery[], report: ChoreReport): Promise<void> {
  const waiting = deliveries.values();
  const results: Result[] = [];
  let writing = false;

  const work = async () => {
    for (const delivery of waiting) {
      const result = await deliver(services, delivery);
      if (!result) continue;
      report[tally(result)] += 1;
      results.push(result);
      if (writing) continue;
      writing = true;
      try {
        while (results.length > 0) await settleDeliveries(services, results.splice(0));
      } finally {
        writing = false;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(posts_at_once, deliveries.length) }, work));
  // What came in while a settlement failed, and nobody was left to write it.
  await settleDeliveries(services, results);
  for (const worker of workers) if (worker.status === "rejected") throw worker.reason;
}

async function deliver(services: Services, delivery: ClaimedDelivery): Promise<Result | undefined> {
  const started_at = services.now();
  if (!delivery.endpoint_enabled && delivery.trigger !== "test") {
    await cancelClaimed(services, delivery);
    return undefined;
  }
  // Too late to end within the lease: left alone, it becomes ready again by itself.
  if (msBetween(started_at, delivery.lease_until) < post_room_ms) return undefined;
  const outcome = await services.poster.post(signedRequest(delivery, started_at));
  const ended_at = services.now();
  return { delivery, outcome, verdict: judge(delivery, outcome, ended_at), started_at, ended_at };
}

const tally = ({ outcome, verdict }: Result): "succeeded" | "retried" | "failed" =>
  outcome.error === null ? "succeeded" : verdict.status === "scheduled" ? "retried" : "failed";

/** The same stages for one delivery that is leased already: a test, whose answer is waited for. */
export async function attemptDelivery(services: Services, held: Claim): Promise<void> {
  const [delivery] = await readClaimed(services, [held]);
  const result = delivery && (await deliver(services, delivery));
  if (result) await settleDeliveries(services, [result]);
}
