import type { Services, Sleeper, Tx } from "../core/context.ts";
import { isConflict } from "../core/passing.ts";

/** How often a transaction is begun that stands in the way of others. */
const most_attempts = 4;

/**
 * Runs a behaviour in one transaction. What it wakes is woken after the commit, or never. It is run again, from its
 * beginning, where the database has undone it because of a deadlock: nothing of it had left the building.
 */
export async function atomically<C extends Services, T>(ctx: C, run: (tx: C & { db: Tx }) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const woken = new Set<Sleeper>();
    try {
      const result = await ctx.db.transaction((db) => run({ ...ctx, db, wake: (whom) => void woken.add(whom) }));
      for (const whom of woken) ctx.wake(whom);
      return result;
    } catch (error) {
      if (attempt === most_attempts || !isConflict(error)) throw error;
      await pause(Math.random() * 20 * attempt);
    }
  }
}

/** Those who stood in each other's way do not begin again in the same moment. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
