import type { PostOutcome } from "../core/poster.ts";
import { after, epochMs, hours, minutes, seconds, type Timestamp } from "../core/time.ts";
import type { ClaimedDelivery } from "./claim-deliveries.ts";
import type { StoredDeliveryStatus } from "../webhooks/contract.ts";

/** The wait before each attempt: eleven attempts, the last at most 23 h 52 m 50 s after the event. */
export const schedule_ms = [
  0,
  seconds(5),
  seconds(30),
  minutes(2),
  minutes(10),
  minutes(30),
  hours(1),
  hours(2),
  hours(4),
  hours(7),
  hours(7),
] as const;

const lifetime_ms = hours(24);
/** Added to each wait, so that receivers that fail together are not called together. */
const jitter = 0.1;

export interface Verdict {
  status: StoredDeliveryStatus;
  due_at: Timestamp;
  /** Null where it is not over, or had ended before. */
  completed_at: Timestamp | null;
  /** The receiver asked never to be called again: RFC 9110 §15.5.11. */
  gone: boolean;
  /** What the receiver asked for, though the schedule may say later. */
  not_before?: Timestamp | null;
  /** It was brought forward, and takes no step of the schedule. */
  is_extra?: boolean;
}

/** What becomes of a delivery after an attempt. */
export function judge(delivery: ClaimedDelivery, outcome: PostOutcome, now: Timestamp, random: () => number = Math.random): Verdict {
  if (outcome.error === null) return { status: "succeeded", due_at: now, completed_at: now, gone: false };
  const gone = outcome.status_code === 410;
  if (delivery.resting_status) return { status: delivery.resting_status, due_at: now, completed_at: null, gone };
  // Whoever asked for an example has the answer now; a later attempt would tell nobody.
  const next = gone || delivery.trigger === "test" ? undefined : nextAttempt(delivery, outcome, now, random);
  return next ? { status: "scheduled", completed_at: null, gone, ...next } : { status: "failed", due_at: now, completed_at: now, gone };
}

function nextAttempt(delivery: ClaimedDelivery, outcome: PostOutcome, now: Timestamp, random: () => number) {
  const expires_at = after(delivery.created_at, lifetime_ms);
  const is_extra = isEarly(delivery, now);
  const planned = is_extra ? delivery.hurried_from! : scheduledAt(delivery, now, random);
  if (planned === undefined || now >= expires_at) return undefined;
  const asked = retryAfter(outcome, now);
  const due_at = asked && asked > planned ? asked : planned;
  return { due_at: due_at < expires_at ? due_at : expires_at, not_before: asked ?? null, is_extra };
}

/**
 * It was brought forward because the endpoint works again, and the endpoint refused it: the delivery goes back to where its
 * schedule has it, so that whoever is refused while others get through keeps all of its time.
 */
const isEarly = ({ trigger, hurried_from }: ClaimedDelivery, now: Timestamp): boolean =>
  trigger === "automatic" && hurried_from !== null && hurried_from > now;

function scheduledAt({ attempts, extra_attempts }: ClaimedDelivery, now: Timestamp, random: () => number): Timestamp | undefined {
  const wait_ms = schedule_ms[attempts - extra_attempts + 1];
  return wait_ms === undefined ? undefined : after(now, Math.round(wait_ms * (1 + jitter * random())));
}

const http_date = /^(mon|tue|wed|thu|fri|sat|sun)[a-z]*, .+ gmt$/i;

/** RFC 9110 §10.2.3: seconds, or a date. Heeded on 429 and 503, where it has a meaning. */
function retryAfter({ status_code, response_headers }: PostOutcome, now: Timestamp): Timestamp | undefined {
  if (status_code !== 429 && status_code !== 503) return undefined;
  const value = response_headers?.["retry-after"]?.trim() ?? "";
  const wait_ms = /^\d+$/.test(value) ? seconds(Number(value)) : http_date.test(value) ? Date.parse(value) - epochMs(now) : NaN;
  return wait_ms > 0 ? after(now, Math.min(wait_ms, lifetime_ms)) : undefined;
}
