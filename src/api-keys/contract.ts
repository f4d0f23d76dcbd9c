import { z } from "zod";
import { scopes } from "../core/context.ts";
import { idField, listOf, Moment, pageInput, textField, Timestamp } from "../core/fields.ts";
import { Author } from "../team/contract.ts";

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
    created_by: Author.nullable().meta({ description: "Null for a key that was made before this was kept." }),
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

const Name = textField(100, z.string().trim().min(1));
const SomeScopes = Scopes.min(1);
const RatePerMinute = z.number().int().min(1).max(6000);

export const CreateApiKey = z.strictObject({
  name: Name,
  scopes: SomeScopes,
  rate_limit_per_minute: RatePerMinute.optional(),
  expires_at: Moment.optional(),
});
export type CreateApiKey = z.output<typeof CreateApiKey>;

export const CreatedApiKey = z
  .object({ ...ApiKey.shape, token: z.string() })
  .meta({ id: "CreatedApiKey", description: "The key with its secret: this is the only time that it is shown." });

export const UpdateApiKey = ApiKeyRef.extend({
  name: Name.optional(),
  scopes: SomeScopes.optional(),
  rate_limit_per_minute: RatePerMinute.optional(),
});
export type UpdateApiKey = z.output<typeof UpdateApiKey>;
