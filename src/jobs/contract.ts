import { z } from "zod";
import { idField, Timestamp } from "../core/fields.ts";

export const JobKind = z.enum(["replay_failed", "replay_missing"]).meta({
  description: "`replay_failed`: deliveries that had failed are tried again; `replay_missing`: events that an endpoint was not told of.",
});
export type JobKind = z.infer<typeof JobKind>;

export const JobStatus = z.enum(["pending", "running", "succeeded", "failed"]).meta({
  description: "`pending`: waits for its first or next step; `running`: a step is being done; `succeeded` and `failed` are final.",
});
export type JobStatus = z.infer<typeof JobStatus>;
/** On disk a pending job is `ready` (may be claimed) or `scheduled` (goes on later). */
export type StoredJobStatus = Exclude<JobStatus, "pending"> | "ready" | "scheduled";

export const Job = z
  .object({
    id: idField("job"),
    object: z.literal("job"),
    kind: JobKind,
    status: JobStatus,
    processed: z.number().int().meta({ description: "How many things are done." }),
    total: z.number().int().nullable().meta({ description: "How many there are; null until they have been counted." }),
    error: z.string().nullable().meta({ description: "The code of the error that ended it." }),
    input: z.record(z.string(), z.unknown()).meta({ description: "What was asked for." }),
    completed_at: Timestamp.nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Job", description: "Work that goes on in the background, and how far it is. It survives a crash." });
export type Job = z.input<typeof Job>;

export const JobRef = z.strictObject({ job_id: idField("job") });
export type JobRef = z.output<typeof JobRef>;
