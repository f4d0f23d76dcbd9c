import type { Ctx } from "../core/context.ts";
import { findMine } from "../db/mine.ts";
import type { JobRef } from "./contract.ts";
import { presentJob } from "./present.ts";
import { jobs } from "./tables.ts";

/** One job. */
export const findJob = async (ctx: Ctx, { job_id }: JobRef) => presentJob(await findMine(ctx, jobs, job_id));
