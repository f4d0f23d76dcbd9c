import type { Job } from "./contract.ts";
import type { jobs } from "./tables.ts";

export type JobRow = typeof jobs.$inferSelect;

/** Whether a job may be claimed now or later is the queue's affair; outside both are pending. */
export const presentJob = (row: JobRow): Job => ({
  ...row,
  object: "job",
  status: row.status === "ready" || row.status === "scheduled" ? "pending" : row.status,
});
