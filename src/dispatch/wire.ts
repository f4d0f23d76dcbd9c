import type { Id } from "../core/ids.ts";
import type { ClaimedDelivery, Destination } from "./claim-deliveries.ts";

/** How an endpoint answers: nothing is known yet; at once; or it takes its time, if it answers at all. */
export type Pace = "new" | "quick" | "slow";

/** An endpoint, and what is leased for it. */
export interface Lane {
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

/** The lanes that share places: each has its turn. Those whose host had no room at theirs stand aside, by its origin. */
export class Wire {
  /** How much of what a host takes must be free, for a post to begin. */
  readonly free_at_least: number;
  readonly #turns: Lane[] = [];
  readonly #aside = new Map<string, Lane[]>();

  constructor(free_at_least: number) {
    this.free_at_least = free_at_least;
  }

  /** How many wait whose endpoint has room. */
  startable(): number {
    return this.#turns.reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  lineUp(lane: Lane): void {
    if (lane.stands || lane.waiting.length === 0 || lane.posting >= lane.places) return;
    lane.stands = "in line";
    this.#turns.push(lane);
  }

  /** Whose turn it is. Until that is over it stands aside. */
  next(): Lane | undefined {
    const lane = this.#turns.shift();
    if (lane) lane.stands = "aside";
    return lane;
  }

  waitForHost(lane: Lane): void {
    const { origin } = lane.destination;
    const lanes = this.#aside.get(origin);
    if (lanes) lanes.push(lane);
    else this.#aside.set(origin, [lane]);
  }

  /** So many of those that wait for a host, the first one first: they wait no more. */
  called(origin: string, count: number): Lane[] {
    const lanes = this.#aside.get(origin);
    if (!lanes) return [];
    const called = lanes.splice(0, count);
    if (lanes.length === 0) this.#aside.delete(origin);
    return called;
  }

  allCalled(): Lane[] {
    return [...this.#aside.keys()].flatMap((origin) => this.called(origin, Infinity));
  }

  leave(lane: Lane): void {
    this.#turns.splice(this.#turns.indexOf(lane), 1);
    lane.stands = undefined;
  }

  clear(): void {
    this.#turns.length = 0;
    this.#aside.clear();
  }
}
