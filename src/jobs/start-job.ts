import type { TxCtx } from "../core/context.ts";
import type { JobKind } from "./contract.ts";
import { presentJob } from "./present.ts";
import { jobs } from "./tables.ts";

/** Leaves work to the background, in the transaction of the request that asked for it. */
export async function startJob(ctx: TxCtx, kind: JobKind, input: Record<string, unknown>) {
  const now = ctx.now();
  const [job] = await ctx.db
    .insert(jobs)
    .values({
      workspace_id: ctx.workspace_id,
      id: ctx.newId("job"),
      kind,
      input,
      status: "ready",
      due_at: now,
      created_at: now,
      updated_at: now,
    })
    .returning();
  ctx.wake("jobs");
  return presentJob(job!);
}
