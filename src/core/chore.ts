/** What one run of a chore did. */
export interface ChoreReport {
  claimed: number;
  succeeded: number;
  retried: number;
  failed: number;
}

export const emptyReport = (): ChoreReport => ({ claimed: 0, succeeded: 0, retried: 0, failed: 0 });
