import { z } from "zod";
import { errors, unauthorizedReasons, type ErrorCode } from "../core/errors.ts";

/** RFC 9457, with this API's own members. */
export const Problem = z
  .object({
    type: z.string().meta({ format: "uri", description: "The page that explains this code." }),
    title: z.string().meta({ description: "The name of the code, for people." }),
    status: z.number().int().meta({ description: "The HTTP status." }),
    code: z
      .enum(Object.keys(errors) as [ErrorCode, ...ErrorCode[]])
      .meta({ description: "The code to decide by. Its meaning never changes." }),
    detail: z.string().meta({ description: "What is wrong with this request, for people; it may change." }),
    instance: z.string().meta({ description: "The path of the operation, with `{names}` in place of ids." }),
    request_id: z.string().meta({ description: "The id of the request; give it to support when you ask about it." }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: "Where in the input, as a JSON pointer (RFC 6901)." }),
          code: z.string().meta({ description: "What is wrong there; it never changes." }),
          detail: z.string().meta({ description: "The same for people; it may change." }),
        }),
      )
      .meta({ description: "With `validation_failed` and `template_params_invalid`: every fault." })
      .optional(),
    reason: z.enum(unauthorizedReasons).meta({ description: "With `unauthorized`: why." }).optional(),
    required_scope: z.string().meta({ description: "With `forbidden`: the scope that the operation needs." }).optional(),
    granted_scopes: z.array(z.string()).meta({ description: "With `forbidden`: the scopes that the API key has." }).optional(),
    allowed: z.array(z.string()).meta({ description: "With `invalid_status_transition`: the statuses that may come next." }).optional(),
    conversation_id: z
      .string()
      .meta({
        description:
          "Where another conversation is open with the contact on the channel, with `invalid_status_transition`: that conversation.",
      })
      .optional(),
    limit: z
      .object({
        scope: z
          .enum(["ip", "key", "tenant", "member", "visitor", "sign_in"])
          .meta({ description: "What is counted; `tenant` is the workspace." }),
        limit: z.number().int().meta({ description: "How many requests a window allows." }),
        window_seconds: z.number().int().meta({ description: "How long a window is." }),
        reset_at: z.string().meta({ format: "date-time", description: "When the next window begins." }),
      })
      .meta({ description: "With `too_many_requests`: the window that is full." })
      .optional(),
  })
  .meta({ id: "Problem", description: "An error (RFC 9457)." });
