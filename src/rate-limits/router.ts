import { z } from "zod";
import { anyRead, router } from "../trpc/procedure.ts";
import { RateLimit } from "./contract.ts";
import { describeRateLimit } from "./describe-rate-limit.ts";

export const rateLimitRouter = router({
  get: anyRead({
    route: "GET /v1/rate_limit",
    name: "getRateLimit",
    summary: "Get the rate limits",
    description: "The three windows, and how many requests remain in each. This request itself is not counted.",
    input: z.strictObject({}),
    output: RateLimit,
    run: describeRateLimit,
  }),
});
