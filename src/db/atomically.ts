import type { Ctx, Sleeper, TxCtx } from "../core/context.ts";

/** Runs a behaviour in one transaction. What it wakes is woken after the commit, or never. */
export async function atomically<T>(ctx: Ctx, run: (tx: TxCtx) => Promise<T>): Promise<T> {
  const woken = new Set<Sleeper>();
  const result = await ctx.db.transaction((db) => run({ ...ctx, db, wake: (whom) => void woken.add(whom) }));
  for (const whom of woken) ctx.wake(whom);
  return result;
}
