import { z } from "zod";
import { idField, Timestamp } from "../core/fields.ts";
import { exampleId, story } from "../core/story.ts";

export const JobKind = z.enum(["replay_failed", "replay_canceled", "replay_missing"]).meta({
  description:
    "`replay_failed`: failed deliveries are tried again; `replay_canceled`: canceled deliveries are made after all; `replay_missing`: events that were never delivered to an endpoint are delivered.",
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
    processed: z.number().int().meta({ description: "How many deliveries or events are done." }),
    total: z.number().int().nullable().meta({ description: "How many there are in all; null until they have been counted." }),
    error: z.string().nullable().meta({ description: "The code of the error that ended it; null unless it failed." }),
    input: z.record(z.string(), z.unknown()).meta({ description: "What was requested." }),
    completed_at: Timestamp.nullable().meta({ description: "When it succeeded or failed; null before." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({
    id: "Job",
    description: "Work in the background, and how far it is. It survives a crash.",
    examples: [
      {
        id: exampleId("job"),
        object: "job",
        kind: "replay_failed",
        status: "pending",
        processed: 0,
        total: null,
        error: null,
        input: { endpoint_id: exampleId("whe"), since: story.asked_at, until: story.closed_at },
        completed_at: null,
        created_at: story.closed_at,
        updated_at: story.closed_at,
      },
    ],
  });
export type Job = z.input<typeof Job>;

export const JobRef = z.strictObject({ job_id: idField("job") });
export type JobRef = z.output<typeof JobRef>;
