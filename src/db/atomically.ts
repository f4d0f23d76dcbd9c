import type { Ctx, TxCtx, Work } from "../core/context.ts";

/** Runs a behaviour in one transaction. What it wakes is woken after the commit, or never. */
export async function atomically<T>(ctx: Ctx, run: (tx: TxCtx) => Promise<T>): Promise<T> {
  const woken = new Set<Work>();
  const result = await ctx.db.transaction((db) => run({ ...ctx, db, wake: (work) => void woken.add(work) }));
  for (const work of woken) ctx.wake(work);
  return result;
}
