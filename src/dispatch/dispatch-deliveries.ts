import type { Services } from "../core/context.ts";
import { Bell } from "../core/bell.ts";
import { emptyReport, type ChoreOptions, type ChoreReport } from "../core/chore.ts";
import { notSent, type PostOutcome } from "../core/poster.ts";
import { epochMs, type Timestamp } from "../core/time.ts";
import { isFirst, release, type Claim, type Turn } from "../db/lease.ts";
import { claimDeliveries, deliveryQueue, readClaimed, readDestinations, type ClaimedDelivery } from "./claim-deliveries.ts";
import { judge } from "./judge.ts";
import { Lanes, most_places, posts_on_each_wire } from "./lanes.ts";
import { memoryOf, type Memory } from "./memory.ts";
import { cancelClaimed, settleDeliveries, type Result } from "./settle-deliveries.ts";
import { signedRequest } from "./sign.ts";

/** A lease lasts 60 s and a post 10: no more is held than can be posted within the lease less one post. */
const posts_per_lease = 5;
const hold_at_most = posts_per_lease * posts_on_each_wire;
/** What endpoints hold that do not answer, or not yet, stops no claim. But the more it is the less of any endpoint is leased. */
const rest_at_most = 4 * hold_at_most;
const most_per_lane = posts_per_lease * most_places;
const least_per_lane = 8;
const claim_size = 640;
/** With fewer that could go on the wire at once, more are claimed: before the wire runs dry. */
const claim_below = claim_size / 2;
/**
 * A few results are not worth a statement: while there are more to come they are waited for, but not for long. Longer while
 * others wait for the wire; a worker that dies leaves as much to be made again.
 */
const records_at_least = claim_size / 2;
const gather_ms = 5;
const gather_behind_ms = 40;
/** In one turn of the event loop. With more, a loop that is busy would have more on the wire than it can hear of: it lies there, and costs memory. */
const begins_at_most = 16;
/** How often a run that waits for the wire looks for what has fallen due. */
const poll_ms = 250;

/**
 * claim → sign → post → judge → record, until nothing is due and nothing on the wire, or the time is spent. The
 * stages go on side by side: none waits for a slow receiver, and no transaction is open while a request is on the wire.
 */
export function dispatchDeliveries(services: Services, options: ChoreOptions): Promise<ChoreReport> {
  return new Run(services, options).toItsEnd();
}

/** The same stages for one delivery that somebody has leased and waits for. */
export async function attemptDelivery(services: Services, claim: Claim): Promise<Result | undefined> {
  const delivery = await readClaimed(services, claim);
  const result = delivery && (await deliver(services, delivery, services.now()));
  if (result) await settleDeliveries(services, [result]);
  return result;
}

/** One walk over the endpoints that have something ready, in one claim or more. One that began in their midst is not whole. */
const walkFrom = (turn: Turn) => ({ is_whole: isFirst(turn), found: false, left_some: false });

class Run {
  readonly #services: Services;
  readonly #until: number;
  readonly #signal: AbortSignal | undefined;
  readonly #bell: Bell;
  readonly #report = emptyReport();
  readonly #memory: Memory;
  readonly #lanes: Lanes;
  #results: Result[] = [];
  /** Leased, and not to be posted any more. */
  #unsent: ClaimedDelivery[] = [];
  #is_recording = false;
  #is_reading = false;
  #gathering: NodeJS.Timeout | undefined;
  #waits_for_room = false;
  #posts_next_turn = false;
  #failures: unknown[] = [];

  constructor(services: Services, { budget_ms, signal, bell = new Bell() }: ChoreOptions) {
    this.#services = services;
    this.#until = epochMs(services.now()) + budget_ms;
    this.#signal = signal;
    this.#bell = bell;
    this.#memory = memoryOf(services);
    this.#lanes = new Lanes((origin) => services.poster.roomAt(origin), this.#memory.slow);
  }

  async toItsEnd(): Promise<ChoreReport> {
    const ring = () => this.#bell.ring();
    this.#signal?.addEventListener("abort", ring);
    const looking = setInterval(() => {
      this.#lanes.lookAround();
      this.#postNextTurn();
      this.#giveBack().catch(this.#fail);
    }, poll_ms);
    await this.#claimAll().catch(this.#fail);
    this.#unsent.push(...this.#lanes.takeAll());
    await this.#giveBack().catch(this.#fail);
    while (!this.#isQuiet()) await this.#bell.heard(poll_ms);
    clearInterval(looking);
    this.#signal?.removeEventListener("abort", ring);
    if (this.#failures.length > 0) throw this.#failures[0];
    return this.#report;
  }

  async #claimAll(): Promise<void> {
    if (this.#signal?.aborted) return;
    let turn = this.#memory.stopped_at;
    let walk = walkFrom(turn);
    do {
      if (this.#hasEnough()) {
        this.#waits_for_room = true;
        await this.#bell.heard(poll_ms);
        this.#waits_for_room = false;
        continue;
      }
      const limit = Math.min(claim_size, hold_at_most - this.#moving());
      const limits = { lanes: 64, in_flight_per_lane: this.#perLane(), limit };
      const { deliveries, ...claimed } = await claimDeliveries(this.#services, turn, limits);
      this.#memory.stopped_at = turn = claimed.turn;
      this.#report.claimed += deliveries.length;
      for (const delivery of deliveries) this.#lanes.add(delivery);
      this.#post();

      walk.found ||= deliveries.length > 0 || claimed.tends;
      walk.left_some ||= deliveries.length >= limit;
      if (!isFirst(turn)) continue;
      if (!walk.found && this.#isQuiet() && walk.is_whole) return;
      // All that could be had is on its way: what ends makes room for more, and more may be written meanwhile.
      if (walk.is_whole && !walk.left_some) await this.#bell.heard(poll_ms);
      walk = walkFrom(turn);
    } while (this.#mayGoOn());
  }

  #mayGoOn = (): boolean => !this.#signal?.aborted && this.#failures.length === 0 && epochMs(this.#services.now()) < this.#until;

  #hasEnough = (): boolean => this.#lanes.startable() >= claim_below || this.#moving() >= hold_at_most;

  #moving = (): number => this.#lanes.moving + this.#results.length;

  #perLane = (): number => Math.max(least_per_lane, Math.floor(most_per_lane * (1 - this.#lanes.resting / rest_at_most)));

  #isQuiet = (): boolean =>
    this.#lanes.moving + this.#lanes.resting + this.#results.length + this.#unsent.length === 0 && !this.#is_recording && !this.#is_reading;

  /** Begins some posts at once, and as many as there is room for in the next turns of the event loop. */
  #post(): void {
    for (let begun = 0; ; begun++) {
      if (begun === begins_at_most) return this.#postNextTurn();
      const delivery = this.#lanes.next();
      if (!delivery) break;
      this.#carry(delivery).catch(this.#fail);
    }
    this.#readAgain();
    if (this.#waits_for_room && !this.#hasEnough()) this.#bell.ring();
  }

  /** An endpoint may be changed, deleted or given another secret while deliveries wait for their turn: once for all of them. */
  #readAgain(): void {
    const outdated = this.#lanes.outdated();
    if (this.#is_reading || outdated.length === 0) return;
    this.#is_reading = true;
    readDestinations(this.#services, outdated)
      .then((destinations) => this.#lanes.readAgain(destinations))
      .catch(this.#fail)
      .then(() => {
        this.#is_reading = false;
        this.#postNextTurn();
      }, this.#fail);
  }

  #postNextTurn(): void {
    if (this.#posts_next_turn) return;
    this.#posts_next_turn = true;
    setImmediate(() => {
      this.#posts_next_turn = false;
      if (this.#mayGoOn()) this.#post();
      else this.#bell.ring();
    });
  }

  async #carry(delivery: ClaimedDelivery): Promise<void> {
    // Too late to end within the lease: whoever takes it next has a whole one.
    const now = this.#services.now();
    const is_late = now > delivery.begin_by;
    if (is_late) this.#unsent.push(delivery);
    const result = is_late ? undefined : await deliver(this.#services, delivery, now).catch(this.#fail);
    if (result) this.#results.push(result);
    this.#lanes.ended(delivery, result?.outcome);
    this.#postNextTurn();
    this.#record();
    if (this.#isQuiet()) this.#bell.ring();
  }

  /** Results are written while the next posts are on the wire: each time all that came in meanwhile, and never one by one. */
  #record(): void {
    if (this.#is_recording || this.#results.length === 0) return;
    if (this.#results.length >= records_at_least || this.#lanes.on_the_wire === 0) return this.#write();
    this.#gathering ??= setTimeout(() => this.#write(), this.#lanes.has_queue ? gather_behind_ms : gather_ms);
  }

  #write(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const results = this.#results;
    this.#results = [];
    this.#is_recording = true;
    settleDeliveries(this.#services, results)
      .then(() => results.forEach((result) => (this.#report[tally(result)] += 1)), this.#fail)
      .then(() => {
        this.#is_recording = false;
        this.#record();
        this.#bell.ring();
      }, this.#fail);
  }

  async #giveBack(): Promise<void> {
    const { db, now } = this.#services;
    const unsent = this.#unsent.splice(0);
    this.#report.claimed -= unsent.length;
    await release(db, deliveryQueue, unsent, now());
  }

  /** Nothing more is begun; what is under way ends, and is recorded where it can be. */
  #fail = (error: unknown): void => void this.#failures.push(error);
}

/** sign → post → judge. */
async function deliver(services: Services, delivery: ClaimedDelivery, now: Timestamp): Promise<Result | undefined> {
  let started_at = now;
  if (delivery.term !== delivery.endpoint.term) {
    await cancelClaimed(services, delivery);
    return undefined;
  }
  const onCarried = (): void => void (started_at = services.now());
  const outcome = delivery.endpoint.is_readable
    ? await services.poster.post({ ...signedRequest(delivery, started_at), onCarried })
    : notSent("service_error");
  const ended_at = services.now();
  if (outcome.error !== null) services.log.debug(failureOf(delivery, outcome), "an attempt failed");
  return { attempt_id: services.newId("att"), delivery, outcome, verdict: judge(delivery, outcome, ended_at), started_at, ended_at };
}

const tally = ({ outcome, verdict }: Result): "succeeded" | "retried" | "failed" =>
  outcome.error === null ? "succeeded" : verdict.status === "scheduled" ? "retried" : "failed";

/** The row says more; this is what a row is found by. */
const failureOf = ({ workspace_id, endpoint, id, attempts }: ClaimedDelivery, { error, status_code, duration_ms }: PostOutcome) => ({
  workspace_id,
  endpoint_id: endpoint.id,
  delivery_id: id,
  attempt: attempts + 1,
  error,
  status_code,
  duration_ms,
});
