import type { ClaimedDelivery } from "./claim-deliveries.ts";

interface Lane {
  id: string;
  waiting: ClaimedDelivery[];
  posting: number;
  has_turn: boolean;
}

/**
 * What is leased and not on the wire yet, endpoint by endpoint. Endpoints take turns, and each has so many posts
 * on the wire at most: one that hangs holds its own and no others.
 */
export class Lanes {
  readonly #posts_per_lane: number;
  readonly #lanes = new Map<string, Lane>();
  /** Those that could post at this moment. */
  readonly #turns: Lane[] = [];
  /** How many wait in all. */
  size = 0;

  constructor(posts_per_lane: number) {
    this.#posts_per_lane = posts_per_lane;
  }

  add(delivery: ClaimedDelivery): void {
    let lane = this.#lanes.get(delivery.lane);
    if (!lane) this.#lanes.set(delivery.lane, (lane = { id: delivery.lane, waiting: [], posting: 0, has_turn: false }));
    lane.waiting.push(delivery);
    this.size += 1;
    this.#lineUp(lane);
  }

  /** The next that may go on the wire. Whoever takes it says when it has ended. */
  next(): ClaimedDelivery | undefined {
    const lane = this.#turns.shift();
    const delivery = lane?.waiting.shift();
    if (!lane || !delivery) return undefined;
    this.size -= 1;
    lane.posting += 1;
    lane.has_turn = false;
    this.#lineUp(lane);
    return delivery;
  }

  ended({ lane: id }: ClaimedDelivery): void {
    const lane = this.#lanes.get(id)!;
    lane.posting -= 1;
    if (lane.posting === 0 && lane.waiting.length === 0) this.#lanes.delete(id);
    else this.#lineUp(lane);
  }

  #lineUp(lane: Lane): void {
    if (lane.has_turn || lane.waiting.length === 0 || lane.posting >= this.#posts_per_lane) return;
    lane.has_turn = true;
    this.#turns.push(lane);
  }

  /** How many wait whose endpoint has room. */
  startable(): number {
    return this.#turns.reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  /** Everything that waits, which then waits no more. */
  takeAll(): ClaimedDelivery[] {
    const taken: ClaimedDelivery[] = [];
    for (const lane of this.#lanes.values()) {
      taken.push(...lane.waiting.splice(0));
      lane.has_turn = false;
      if (lane.posting === 0) this.#lanes.delete(lane.id);
    }
    this.#turns.length = 0;
    this.size = 0;
    return taken;
  }
}
