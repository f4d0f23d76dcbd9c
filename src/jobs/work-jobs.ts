import { emptyReport, type ChoreOptions, type ChoreReport } from "../core/chore.ts";
import { systemCtx, type Services, type TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { idOf } from "../core/ids.ts";
import { after, epochMs, minutes, seconds, type Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { claim, firstTurn, revive, stillLeased, type Claim, type Queue } from "../db/lease.ts";
import type { JobKind } from "./contract.ts";
import type { JobRow } from "./present.ts";
import { jobs } from "./tables.ts";

/** What one step of a job came to. Its effects and this are one transaction, so that a crash repeats no step. */
export interface Step {
  /** The last thing that is done. */
  position: string | null;
  /** How many things this step did. */
  processed: number;
  total: number | null;
  /** When it goes on: at once, later, or never, because it is done. */
  next: "now" | "done" | { wait_ms: number };
}

export type Steps = Record<JobKind, (ctx: TxCtx, job: JobRow) => Promise<Step>>;

/** A job is a lane of its own: each takes a step in turn. What a dead worker leaves behind goes on from its last step. */
export const jobQueue: Queue = {
  table: jobs,
  lane: jobs.id,
  words: { ready: "ready", waiting: "scheduled", leased: "running", abandoned: "ready" },
};

const limits = { lanes: 8, in_flight_per_lane: 1, limit: 8 };
const retry_delays_ms = [seconds(5), seconds(30), minutes(2), minutes(10)];

/** Takes steps, one of each waiting job in turn, until none is due or the time is spent. */
export async function workJobs(services: Services, steps: Steps, { budget_ms, signal }: ChoreOptions): Promise<ChoreReport> {
  const report = emptyReport();
  const until = epochMs(services.now()) + budget_ms;
  while (!signal?.aborted) {
    await revive(services.db, jobQueue, services.now());
    const { claims } = await claim(services.db, jobQueue, { now: services.now(), turn: firstTurn(), ...limits });
    report.claimed += claims.length;
    for (const held of claims) report[await takeStep(services, steps, held)] += 1;
    if (claims.length === 0 || epochMs(services.now()) >= until) break;
  }
  return report;
}

async function takeStep(services: Services, steps: Steps, held: Claim): Promise<"succeeded" | "retried" | "failed"> {
  const ctx = systemCtx(services, held.workspace_id);
  try {
    await atomically(ctx, async (tx) => {
      const [job] = await tx.db.select().from(jobs).where(stillLeased(jobQueue, held)).for("update");
      if (!job) return;
      const { position, processed, total, next } = await steps[job.kind](tx, job);
      const done = job.processed + processed;
      await settle(tx, held, {
        ...stateAfter(next, tx.now()),
        position,
        processed: done,
        total: next === "done" ? done : total,
        attempts: 0,
      });
    });
    return "succeeded";
  } catch (error) {
    const failure = failureOf(error, held, services.now());
    // What is refused is the client's to know; everything else is ours.
    if (!(error instanceof ApiError)) services.log.error({ err: error, job_id: idOf("job", held.uuid) }, "a job's step failed");
    await atomically(ctx, (tx) => settle(tx, held, { ...failure, attempts: held.attempts + 1 }));
    return failure.status === "failed" ? "failed" : "retried";
  }
}

const settle = (tx: TxCtx, held: Claim, state: Partial<JobRow>) =>
  tx.db
    .update(jobs)
    .set({ ...state, lease_id: null, lease_until: null, updated_at: tx.now() })
    .where(stillLeased(jobQueue, held));

function stateAfter(next: Step["next"], now: Timestamp) {
  if (next === "done") return { status: "succeeded", completed_at: now, error: null } as const;
  if (next === "now") return { status: "ready", due_at: now } as const;
  return { status: "scheduled", due_at: after(now, next.wait_ms) } as const;
}

function failureOf(error: unknown, { attempts }: Claim, now: Timestamp) {
  const delay_ms = error instanceof ApiError ? undefined : retry_delays_ms[attempts];
  if (delay_ms !== undefined) return { status: "scheduled", due_at: after(now, delay_ms) } as const;
  return { status: "failed", completed_at: now, error: error instanceof ApiError ? error.code : "internal_error" } as const;
}
