import { z } from "zod";
import { scopes } from "../core/context.ts";
import { idField, Timestamp } from "../core/fields.ts";

export const Scopes = z
  .array(z.enum(scopes))
  .meta({ description: "What the key may do. Scopes are independent: `admin` does not include `read`." });

export const Me = z
  .object({
    object: z.literal("me"),
    workspace: z.object({ id: idField("ws"), name: z.string() }),
    api_key: z.object({
      id: idField("key"),
      name: z.string(),
      prefix: z.string().meta({ description: "The first eight characters behind `wsk_live_`." }),
      scopes: Scopes,
      rate_limit_per_minute: z.number().int(),
      expires_at: Timestamp.nullable(),
      created_at: Timestamp,
    }),
  })
  .meta({ id: "Me", description: "Who asks, and for which workspace." });
export type Me = z.input<typeof Me>;
