import { z } from "zod";
import { Timestamp } from "../core/fields.ts";

export const RateLimit = z
  .object({
    object: z.literal("rate_limit"),
    windows: z.array(
      z
        .object({
          scope: z
            .enum(["ip", "key", "tenant", "member"])
            .meta({ description: "The address, the API key, or the workspace; in the portal the address and the member." }),
          limit: z.number().int().meta({ description: "Requests in a window." }),
          remaining: z.number().int(),
          window_seconds: z.number().int(),
          reset_at: Timestamp,
        })
        .meta({ id: "RateLimitWindow", description: "A fixed window, aligned to the minute." }),
    ),
  })
  .meta({ id: "RateLimit", description: "What remains of each of the three windows." });
export type RateLimit = z.input<typeof RateLimit>;
