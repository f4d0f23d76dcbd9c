/** What one run of a background job did. */
export interface JobReport {
  claimed: number;
  succeeded: number;
  retried: number;
  failed: number;
}

export const emptyReport = (): JobReport => ({ claimed: 0, succeeded: 0, retried: 0, failed: 0 });
