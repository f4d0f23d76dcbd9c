import { z } from "zod";
import { scopes } from "../core/context.ts";
import { idField, listOf, pageInput, Timestamp } from "../core/fields.ts";

export const Scopes = z
  .array(z.enum(scopes))
  .meta({ description: "What the key may do. Scopes are independent: `admin` does not include `read`." });

export const ApiKey = z
  .object({
    id: idField("key"),
    object: z.literal("api_key"),
    name: z.string(),
    prefix: z.string().meta({ description: "The first eight characters behind `wsk_live_`." }),
    scopes: Scopes,
    rate_limit_per_minute: z.number().int(),
    status: z.enum(["active", "expired", "revoked"]),
    last_used_at: Timestamp.nullable().meta({ description: "To the minute." }),
    expires_at: Timestamp.nullable(),
    revoked_at: Timestamp.nullable(),
    created_at: Timestamp,
  })
  .meta({ id: "ApiKey", description: "A key, without its secret: that was shown once, when it was made." });
export type ApiKey = z.input<typeof ApiKey>;

export const Me = z
  .object({
    object: z.literal("me"),
    workspace: z.object({ id: idField("ws"), name: z.string() }),
    api_key: ApiKey,
  })
  .meta({ id: "Me", description: "Who asks, and for which workspace." });
export type Me = z.input<typeof Me>;

export const ApiKeyRef = z.strictObject({ api_key_id: idField("key") });
export type ApiKeyRef = z.output<typeof ApiKeyRef>;

export const ListApiKeys = z.strictObject(pageInput);
export type ListApiKeys = z.output<typeof ListApiKeys>;
export const ApiKeyList = listOf(ApiKey, "ApiKeyList");
