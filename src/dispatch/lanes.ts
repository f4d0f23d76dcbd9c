import type { Id } from "../core/ids.ts";
import type { PostOutcome } from "../core/poster.ts";
import type { ClaimedDelivery, Destination } from "./claim-deliveries.ts";

/** How an endpoint answers: nothing is known yet; at once; or it takes its time, if it answers at all. */
type Pace = "new" | "quick" | "slow";

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

/** The slow ones, with their places: what one run of this process has learnt the next one knows. The oldest knowledge goes first. */
const known_slow = new Map<string, number>();
const known_slow_at_most = 10_000;

interface Lane {
  id: string;
  workspace_id: Id<"ws">;
  destination: Destination;
  waiting: ClaimedDelivery[];
  posting: number;
  /** Posts at once. */
  places: number;
  pace: Pace;
  /** When it last answered or, with nothing on the wire before, was last asked. */
  heard_ms: number;
  /** Among the turns of its wire, or aside: until its host has room, or until it is known anew where it leads. */
  stands: "in line" | "aside" | undefined;
}

/** The lanes that share places: each has its turn. */
interface Wire {
  readonly free_at_least: number;
  readonly turns: Lane[];
  /** By origin, those whose host had no room at their turn. */
  readonly aside: Map<string, Lane[]>;
}

const newWire = (free_at_least: number): Wire => ({ free_at_least, turns: [], aside: new Map() });

/**
 * What is leased and not on the wire yet, endpoint by endpoint. Endpoints take turns, and each has so many posts on the wire at
 * most. Who does not answer moves to a wire of the slow ones: whoever answers waits for none of them, however many there are.
 */
export class Lanes {
  readonly #roomAt: (origin: string) => number;
  readonly #lanes = new Map<string, Lane>();
  readonly #wires = { quick: newWire(0), slow: newWire(free_for_slow) };
  readonly #waiting = { new: 0, quick: 0, slow: 0 };
  readonly #posting = { new: 0, quick: 0, slow: 0 };
  #outdated: Lane[] = [];

  /** It is asked how much of what a host takes at once is free: from 0 to 1. */
  constructor(roomAt: (origin: string) => number) {
    this.#roomAt = roomAt;
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
    return this.#wires.quick.turns.reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  add(delivery: ClaimedDelivery): void {
    const lane = this.#lanes.get(delivery.lane) ?? this.#open(delivery);
    lane.destination = delivery.endpoint;
    lane.waiting.push(delivery);
    this.#waiting[lane.pace] += 1;
    this.#lineUp(lane);
  }

  #open({ lane: id, workspace_id, endpoint: destination }: ClaimedDelivery): Lane {
    const slow_places = known_slow.get(id);
    const [pace, places] = slow_places === undefined ? (["new", first_places] as const) : (["slow", slow_places] as const);
    const lane: Lane = { id, workspace_id, destination, waiting: [], posting: 0, places, pace, heard_ms: 0, stands: undefined };
    this.#lanes.set(id, lane);
    return lane;
  }

  /** The next that may go on the wire. Whoever takes it says when it has ended. */
  next(): ClaimedDelivery | undefined {
    const { quick, slow } = this.#wires;
    if (this.#posting.new + this.#posting.quick < posts_on_each_wire) {
      const delivery = this.#nextOf(quick);
      if (delivery) return delivery;
    }
    return this.#posting.slow < posts_on_each_wire ? this.#nextOf(slow) : undefined;
  }

  #nextOf({ turns, aside, free_at_least }: Wire): ClaimedDelivery | undefined {
    const now_ms = performance.now();
    for (let lane = turns.shift(); lane; lane = turns.shift()) {
      const { destination } = lane;
      lane.stands = "aside";
      if (now_ms - destination.read_ms > known_for_ms) this.#outdated.push(lane);
      else if (this.#roomAt(destination.origin) <= free_at_least) standAside(aside, destination.origin, lane);
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
    lane.stands = undefined;
    this.#lineUp(lane);
    return delivery;
  }

  /** Without an outcome nothing was posted. */
  ended({ lane: id, endpoint: { origin } }: ClaimedDelivery, outcome: PostOutcome | undefined): void {
    const lane = this.#lanes.get(id)!;
    lane.posting -= 1;
    this.#posting[lane.pace] -= 1;
    if (outcome) this.#learn(lane, outcome);
    // Whoever has waited for this host stands before who has just been there.
    for (const wire of Object.values(this.#wires)) this.#comeForward(wire, origin, 1);
    if (lane.posting === 0 && lane.waiting.length === 0) this.#lanes.delete(id);
    else this.#lineUp(lane);
  }

  #learn(lane: Lane, { error, duration_ms }: PostOutcome): void {
    lane.heard_ms = performance.now();
    lane.places = error === "timeout" ? Math.max(1, Math.floor(lane.places / 2)) : Math.min(most_places, lane.places + 1);
    this.#setPace(lane, duration_ms < silent_ms ? "quick" : "slow");
  }

  #setPace(lane: Lane, pace: Pace): void {
    if (pace === "slow") remember(lane);
    else known_slow.delete(lane.id);
    if (pace === lane.pace) return;
    this.#waiting[lane.pace] -= lane.waiting.length;
    this.#posting[lane.pace] -= lane.posting;
    const { turns } = this.#wireOf(lane);
    lane.pace = pace;
    this.#waiting[pace] += lane.waiting.length;
    this.#posting[pace] += lane.posting;
    if (lane.stands !== "in line") return;
    turns.splice(turns.indexOf(lane), 1);
    this.#wireOf(lane).turns.push(lane);
  }

  #wireOf = ({ pace }: Lane): Wire => this.#wires[pace === "slow" ? "slow" : "quick"];

  #lineUp(lane: Lane): void {
    if (lane.stands || lane.waiting.length === 0 || lane.posting >= lane.places) return;
    lane.stands = "in line";
    this.#wireOf(lane).turns.push(lane);
  }

  #comeForward({ aside }: Wire, origin: string, count: number): void {
    const lanes = aside.get(origin);
    if (!lanes) return;
    for (const lane of lanes.splice(0, count)) this.#standAnew(lane);
    if (lanes.length === 0) aside.delete(origin);
  }

  #standAnew(lane: Lane): void {
    lane.stands = undefined;
    this.#lineUp(lane);
  }

  /** From time to time: who has fallen silent is slow, and who waits for a host asks again, which others may have left. */
  lookAround(): void {
    const now_ms = performance.now();
    for (const lane of this.#lanes.values()) {
      if (lane.pace !== "slow" && lane.posting > 0 && now_ms - lane.heard_ms > silent_ms) this.#setPace(lane, "slow");
    }
    for (const wire of Object.values(this.#wires)) {
      for (const origin of wire.aside.keys()) this.#comeForward(wire, origin, Infinity);
    }
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
      this.#standAnew(lane);
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
    for (const { turns, aside } of Object.values(this.#wires)) {
      turns.length = 0;
      aside.clear();
    }
    this.#outdated = [];
    return taken;
  }
}

function standAside(aside: Wire["aside"], origin: string, lane: Lane): void {
  const lanes = aside.get(origin);
  if (lanes) lanes.push(lane);
  else aside.set(origin, [lane]);
}

function remember({ id, places }: Lane): void {
  known_slow.delete(id);
  known_slow.set(id, places);
  if (known_slow.size <= known_slow_at_most) return;
  const [oldest] = known_slow.keys();
  known_slow.delete(oldest!);
}
