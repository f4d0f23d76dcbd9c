import type { Services } from "../core/context.ts";
import { emptyReport, type JobReport } from "../core/job.ts";
import { epochMs, msBetween, seconds } from "../core/time.ts";
import { firstTurn } from "../db/lease.ts";
import { claimDeliveries, type ClaimedDelivery } from "./claim-deliveries.ts";
import { judge } from "./judge.ts";
import type { Poster } from "./post.ts";
import { cancelClaimed, settleDeliveries, type Result } from "./settle-deliveries.ts";
import { signedRequest } from "./sign.ts";

const posts_at_once = 64;
/** A lease lasts 60 s and a post 10: no more is held than can be posted within the lease less one post. */
const claim_size = 5 * posts_at_once;
const limits = { lanes: 64, in_flight_per_lane: 100, limit: claim_size };
const post_room_ms = seconds(10);
const settle_size = 200;

/**
 * claim → sign → post → judge → record, until nothing is due or the time is spent. No transaction is open
 * while a request is on the wire.
 */
export async function dispatchDeliveries(services: Services, poster: Poster, { budget_ms }: { budget_ms: number }): Promise<JobReport> {
  const report = emptyReport();
  const until = epochMs(services.now()) + budget_ms;
  let turn = firstTurn();
  do {
    const from_the_start = turn.lane === firstTurn().lane;
    const claimed = await claimDeliveries(services, turn, limits);
    turn = claimed.turn;
    if (claimed.deliveries.length === 0 && from_the_start) break;
    report.claimed += claimed.deliveries.length;
    await deliverAll(services, poster, claimed.deliveries, report);
  } while (epochMs(services.now()) < until);
  return report;
}

async function deliverAll(services: Services, poster: Poster, deliveries: ClaimedDelivery[], report: JobReport): Promise<void> {
  const waiting = deliveries.values();
  let results: Result[] = [];

  const work = async () => {
    for (const delivery of waiting) {
      const result = await deliver(services, poster, delivery);
      if (!result) continue;
      report[tally(result)] += 1;
      results.push(result);
      if (results.length < settle_size) continue;
      const full = results;
      results = [];
      await settleDeliveries(services, full);
    }
  };
  await Promise.all(Array.from({ length: Math.min(posts_at_once, deliveries.length) }, work));
  await settleDeliveries(services, results);
}

async function deliver(services: Services, poster: Poster, delivery: ClaimedDelivery): Promise<Result | undefined> {
  const started_at = services.now();
  if (!delivery.endpoint_enabled) {
    await cancelClaimed(services, delivery);
    return undefined;
  }
  // Too late to end within the lease: left alone, it becomes ready again by itself.
  if (msBetween(started_at, delivery.lease_until) < post_room_ms) return undefined;
  const outcome = await poster.post(signedRequest(delivery, started_at));
  const ended_at = services.now();
  return { delivery, outcome, verdict: judge(delivery, outcome, ended_at), started_at, ended_at };
}

const tally = ({ outcome, verdict }: Result): "succeeded" | "retried" | "failed" =>
  outcome.error === null ? "succeeded" : verdict.status === "scheduled" ? "retried" : "failed";
