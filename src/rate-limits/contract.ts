import { z } from "zod";
import { Timestamp } from "../core/fields.ts";

export const RateLimit = z
  .object({
    object: z.literal("rate_limit"),
    windows: z.array(
      z
        .object({
          scope: z.enum(["ip", "key", "tenant", "member"]).meta({
            description:
              "What is counted: requests of the address (`ip`), of the API key, or of the whole workspace (`tenant`); in the portal those of the address and of the `member`.",
          }),
          limit: z.number().int().meta({ description: "How many requests a window allows." }),
          remaining: z.number().int().meta({ description: "How many are left in this window." }),
          window_seconds: z.number().int().meta({ description: "How long a window is." }),
          reset_at: Timestamp.meta({ description: "When the next window begins." }),
        })
        .meta({ id: "RateLimitWindow", description: "A fixed window, aligned to the minute." }),
    ),
  })
  .meta({
    id: "RateLimit",
    description: "How many requests remain in each of the three windows.",
    examples: [
      {
        object: "rate_limit",
        windows: (["ip", "key", "tenant"] as const).map((scope) => ({
          scope,
          limit: 600,
          remaining: 588,
          window_seconds: 60,
          reset_at: "2026-11-22T10:18:00.000Z",
        })),
      },
    ],
  });
export type RateLimit = z.input<typeof RateLimit>;
