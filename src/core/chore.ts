import type { Bell } from "./bell.ts";

/** What one run of a chore is given. */
export interface ChoreOptions {
  /** When it has gone by, nothing more is begun. */
  budget_ms: number;
  /** Aborted, nothing more is begun; what is under way ends, and the rest of what was taken is given back. */
  signal?: AbortSignal | undefined;
  /** Rings when there is more to do, for a run that waits for what it has on the wire. */
  bell?: Bell | undefined;
}

/** What one run of a chore did. */
export interface ChoreReport {
  claimed: number;
  succeeded: number;
  retried: number;
  failed: number;
}

export const emptyReport = (): ChoreReport => ({ claimed: 0, succeeded: 0, retried: 0, failed: 0 });
