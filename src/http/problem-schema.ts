import { z } from "zod";
import { errors, unauthorizedReasons, type ErrorCode } from "../core/errors.ts";

/** RFC 9457, with this API's own members. */
export const Problem = z
  .object({
    type: z.string().meta({ format: "uri", description: "The page of this code." }),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(Object.keys(errors) as [ErrorCode, ...ErrorCode[]]).meta({ description: "What to branch on. It never changes." }),
    detail: z.string().meta({ description: "For people; may change." }),
    instance: z.string().meta({ description: "The template of the route." }),
    request_id: z.string().meta({ description: "Quote it to support." }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: "Where, as a JSON pointer (RFC 6901)." }),
          code: z.string(),
          detail: z.string(),
        }),
      )
      .optional(),
    reason: z.enum(unauthorizedReasons).meta({ description: "With `unauthorized`." }).optional(),
    required_scope: z.string().meta({ description: "With `forbidden`." }).optional(),
    granted_scopes: z.array(z.string()).meta({ description: "With `forbidden`." }).optional(),
    allowed: z.array(z.string()).meta({ description: "With `invalid_status_transition`: the statuses that may come next." }).optional(),
    conversation_id: z
      .string()
      .meta({ description: "With `invalid_status_transition`: the conversation that is open with this contact on this channel." })
      .optional(),
    limit: z
      .object({
        scope: z.enum(["ip", "key", "tenant", "member", "visitor", "sign_in"]),
        limit: z.number().int(),
        window_seconds: z.number().int(),
        reset_at: z.string(),
      })
      .meta({ description: "With `too_many_requests`: the window that is full." })
      .optional(),
  })
  .meta({ id: "Problem", description: "What went wrong." });
