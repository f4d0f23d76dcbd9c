import { z } from "zod";
import { anyRead, router } from "../trpc/procedure.ts";
import { RateLimit } from "./contract.ts";
import { describeRateLimit } from "./describe-rate-limit.ts";

export const rateLimitRouter = router({
  get: anyRead({
    route: "GET /v1/rate_limit",
    name: "getRateLimit",
    summary: "What remains of the limits",
    description: "The three windows as they stand now. Over REST this request itself is counted in none of them.",
    input: z.strictObject({}),
    output: RateLimit,
    run: describeRateLimit,
  }),
});
