import type { Id } from "../core/ids.ts";
import type { PostOutcome } from "../core/poster.ts";
import type { ClaimedDelivery, Destination } from "./claim-deliveries.ts";
import type { SlowEndpoints } from "./memory.ts";
import { Wire, type Lane, type Pace } from "./wire.ts";

/** Who has said nothing for so long is slow. */
const silent_ms = 500;
/** An older knowledge of where a lane leads is refreshed before it is used: the endpoint may have been changed, or deleted. */
const known_for_ms = 250;
/** An endpoint begins with few posts at once; each answer makes room for one more, each timeout halves it. */
const first_places = 4;
export const most_places = 32;
export const posts_on_each_wire = 256;
/** How much of what one host takes must be free for it. So the slow ones of many endpoints on a host leave half of it to the others. */
const free_for_slow = 0.5;

/**
 * What is leased and not on the wire yet, endpoint by endpoint. Endpoints take turns, and each has so many posts on the wire at
 * most. Who does not answer moves to a wire of the slow ones: whoever answers waits for none of them, however many there are.
 */
export class Lanes {
  readonly #roomAt: (origin: string) => number;
  readonly #known_slow: SlowEndpoints;
  readonly #lanes = new Map<string, Lane>();
  readonly #wires = { quick: new Wire(0), slow: new Wire(free_for_slow) };
  readonly #waiting = { new: 0, quick: 0, slow: 0 };
  readonly #posting = { new: 0, quick: 0, slow: 0 };
  #outdated: Lane[] = [];

  /** It is asked how much of what a host takes at once is free: from 0 to 1. */
  constructor(roomAt: (origin: string) => number, known_slow: SlowEndpoints) {
    this.#roomAt = roomAt;
    this.#known_slow = known_slow;
  }

  get size(): number {
    return this.#waiting.new + this.#waiting.quick + this.#waiting.slow;
  }

  get on_the_wire(): number {
    return this.#posting.new + this.#posting.quick + this.#posting.slow;
  }

  /** What endpoints that answer have here: it goes, and makes room for more. */
  get moving(): number {
    return this.#waiting.quick + this.#posting.quick;
  }

  /** Whether endpoints that answer have to wait for their turn. */
  get has_queue(): boolean {
    return this.#waiting.quick > 0;
  }

  /** What those have here that do not, or not yet. */
  get resting(): number {
    return this.size + this.on_the_wire - this.moving;
  }

  /** How many wait whose endpoint has room, the slow ones left out. */
  startable(): number {
    return this.#wires.quick.startable();
  }

  add(delivery: ClaimedDelivery): void {
    const lane = this.#lanes.get(delivery.lane) ?? this.#open(delivery);
    lane.destination = delivery.endpoint;
    lane.waiting.push(delivery);
    this.#waiting[lane.pace] += 1;
    this.#lineUp(lane);
  }

  #open({ lane: id, workspace_id, endpoint: destination }: ClaimedDelivery): Lane {
    const slow_places = this.#known_slow.placesOf(id);
    const [pace, places] = slow_places === undefined ? (["new", first_places] as const) : (["slow", slow_places] as const);
    const lane: Lane = { id, workspace_id, destination, waiting: [], posting: 0, places, pace, heard_ms: 0, stands: undefined };
    this.#lanes.set(id, lane);
    return lane;
  }

  #wireOf = ({ pace }: Lane): Wire => this.#wires[pace === "slow" ? "slow" : "quick"];

  #lineUp = (lane: Lane): void => this.#wireOf(lane).lineUp(lane);

  /** Its pace may be another than when it stood aside, and its wire with it. */
  #lineUpAnew = (lane: Lane): void => {
    lane.stands = undefined;
    this.#lineUp(lane);
  };

  /** The next that may go on the wire. Whoever takes it says when it has ended. */
  next(): ClaimedDelivery | undefined {
    const { quick, slow } = this.#wires;
    if (this.#posting.new + this.#posting.quick < posts_on_each_wire) {
      const delivery = this.#nextOf(quick);
      if (delivery) return delivery;
    }
    return this.#posting.slow < posts_on_each_wire ? this.#nextOf(slow) : undefined;
  }

  #nextOf(wire: Wire): ClaimedDelivery | undefined {
    const now_ms = performance.now();
    for (let lane = wire.next(); lane; lane = wire.next()) {
      const { destination } = lane;
      if (now_ms - destination.read_ms > known_for_ms) this.#outdated.push(lane);
      else if (this.#roomAt(destination.origin) <= wire.free_at_least) wire.waitForHost(lane);
      else return this.#begin(lane, now_ms);
    }
    return undefined;
  }

  #begin(lane: Lane, now_ms: number): ClaimedDelivery {
    const delivery = lane.waiting.shift()!;
    delivery.endpoint = lane.destination;
    if (lane.posting === 0) lane.heard_ms = now_ms;
    lane.posting += 1;
    this.#waiting[lane.pace] -= 1;
    this.#posting[lane.pace] += 1;
    this.#lineUpAnew(lane);
    return delivery;
  }

  /** Without an outcome nothing was posted. */
  ended({ lane: id, endpoint: { origin } }: ClaimedDelivery, outcome: PostOutcome | undefined): void {
    const lane = this.#lanes.get(id)!;
    lane.posting -= 1;
    this.#posting[lane.pace] -= 1;
    if (outcome) this.#learn(lane, outcome);
    // Whoever has waited for this host stands before who has just been there.
    for (const wire of Object.values(this.#wires)) wire.called(origin, 1).forEach(this.#lineUpAnew);
    if (lane.posting === 0 && lane.waiting.length === 0) this.#lanes.delete(id);
    else this.#lineUp(lane);
  }

  #learn(lane: Lane, { error, duration_ms }: PostOutcome): void {
    lane.heard_ms = performance.now();
    lane.places = error === "timeout" ? Math.max(1, Math.floor(lane.places / 2)) : Math.min(most_places, lane.places + 1);
    this.#setPace(lane, duration_ms < silent_ms ? "quick" : "slow");
  }

  #setPace(lane: Lane, pace: Pace): void {
    if (pace === "slow") this.#known_slow.remember(lane.id, lane.places);
    else this.#known_slow.forget(lane.id);
    if (pace === lane.pace) return;
    this.#waiting[lane.pace] -= lane.waiting.length;
    this.#posting[lane.pace] -= lane.posting;
    const stood_in_line = lane.stands === "in line";
    if (stood_in_line) this.#wireOf(lane).leave(lane);
    lane.pace = pace;
    this.#waiting[pace] += lane.waiting.length;
    this.#posting[pace] += lane.posting;
    if (stood_in_line) this.#lineUp(lane);
  }

  /** From time to time: who has fallen silent is slow, and who waits for a host asks again, which others may have left. */
  lookAround(): void {
    const now_ms = performance.now();
    for (const lane of this.#lanes.values()) {
      if (lane.pace !== "slow" && lane.posting > 0 && now_ms - lane.heard_ms > silent_ms) this.#setPace(lane, "slow");
    }
    for (const wire of Object.values(this.#wires)) wire.allCalled().forEach(this.#lineUpAnew);
  }

  /** Those whose turn came, and of which it must be known anew where they lead. */
  outdated(): { lane: string; workspace_id: Id<"ws"> }[] {
    return this.#outdated.map(({ id, workspace_id }) => ({ lane: id, workspace_id }));
  }

  /** Where they lead now. */
  readAgain(destinations: ReadonlyMap<string, Destination>): void {
    const outdated = this.#outdated;
    this.#outdated = [];
    for (const lane of outdated) {
      lane.destination = destinations.get(lane.id) ?? lane.destination;
      this.#lineUpAnew(lane);
    }
  }

  /** Everything that waits, which then waits no more. */
  takeAll(): ClaimedDelivery[] {
    const taken: ClaimedDelivery[] = [];
    for (const lane of this.#lanes.values()) {
      this.#waiting[lane.pace] -= lane.waiting.length;
      taken.push(...lane.waiting.splice(0));
      lane.stands = undefined;
      if (lane.posting === 0) this.#lanes.delete(lane.id);
    }
    for (const wire of Object.values(this.#wires)) wire.clear();
    this.#outdated = [];
    return taken;
  }
}
