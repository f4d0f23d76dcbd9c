import type { Services } from "../core/context.ts";
import type { Poster } from "../core/poster.ts";
import { firstTurn, type Turn } from "../db/lease.ts";

/** What one run of this process has learnt the next one knows. */
export interface Memory {
  /** Where the last run stopped: one that ended early is followed by one that goes on, not by one that starts over. */
  stopped_at: Turn;
  readonly slow: SlowEndpoints;
}

/** Its connections are what a process has for itself, whoever starts a run: by them it is told from another. */
const memories = new WeakMap<Poster, Memory>();

export function memoryOf({ poster }: Services): Memory {
  const memory = memories.get(poster) ?? { stopped_at: firstTurn(), slow: new SlowEndpoints() };
  memories.set(poster, memory);
  return memory;
}

const known_at_most = 10_000;

/** The slow ones, and how many posts at once each takes. The oldest knowledge goes first. */
export class SlowEndpoints {
  readonly #places = new Map<string, number>();

  placesOf(lane: string): number | undefined {
    return this.#places.get(lane);
  }

  remember(lane: string, places: number): void {
    this.#places.delete(lane);
    this.#places.set(lane, places);
    if (this.#places.size <= known_at_most) return;
    const [oldest] = this.#places.keys();
    this.#places.delete(oldest!);
  }

  forget(lane: string): void {
    this.#places.delete(lane);
  }
}
