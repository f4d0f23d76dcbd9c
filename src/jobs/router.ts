import { read, router } from "../trpc/procedure.ts";
import { Job, JobRef } from "./contract.ts";
import { findJob } from "./find-job.ts";

export const jobsRouter = router({
  get: read({
    route: "GET /v1/jobs/{job_id}",
    name: "getJob",
    summary: "Get a job",
    description: "Work that was accepted with 202, and how far it is. It survives a crash: what is done is not done again.",
    input: JobRef,
    output: Job,
    run: findJob,
  }),
});
