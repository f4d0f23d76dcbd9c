import { z } from "zod";
import { scopes } from "../core/context.ts";
import { idField, listOf, Moment, pageInput, textField, Timestamp } from "../core/fields.ts";
import { exampleId, story } from "../core/story.ts";
import { epochMs } from "../core/time.ts";
import { Author } from "../team/contract.ts";

export const Scopes = z
  .array(z.enum(scopes))
  .meta({ description: "What the key may do. Scopes are independent of each other: `admin` does not include `read`." });

const active = {
  id: exampleId("key"),
  object: "api_key",
  name: "Help desk",
  prefix: "4kQ9ZtB2",
  scopes: ["read", "write", "admin"],
  rate_limit_per_minute: 600,
  status: "active",
  last_used_at: "2026-11-22T10:17:00.000Z",
  expires_at: null,
  revoked_at: null,
  created_at: story.keys_made_at,
  created_by: { type: "team_member", id: exampleId("mem"), name: "Lina Haddad" },
};

export const ApiKey = z
  .object({
    id: idField("key"),
    object: z.literal("api_key"),
    name: z.string().meta({ description: "What people call the key." }),
    prefix: z.string().meta({ description: "The first eight characters after `wsk_live_`, to recognise the key by." }),
    scopes: Scopes,
    rate_limit_per_minute: z.number().int().meta({ description: "How many requests a minute it may make." }),
    status: z
      .enum(["active", "expired", "revoked"])
      .meta({ description: "`active`: it works; `expired`: `expires_at` has passed; `revoked`: it was ended for good." }),
    last_used_at: Timestamp.nullable().meta({ description: "The last request with it, to the minute; null: never used." }),
    expires_at: Timestamp.nullable().meta({ description: "From when on it is refused; null: it does not expire." }),
    revoked_at: Timestamp.nullable().meta({ description: "Null unless it was revoked." }),
    created_at: Timestamp,
    created_by: Author.nullable().meta({ description: "Who created it; null for an old key of which that is not known." }),
  })
  .meta({ id: "ApiKey", description: "An API key, without its secret, which was shown once, when it was created.", examples: [active] });
export const RevokedApiKey = ApiKey.meta({ examples: [{ ...active, status: "revoked", revoked_at: story.closed_at }] });
export type ApiKey = z.input<typeof ApiKey>;

export const Me = z
  .object({
    object: z.literal("me"),
    workspace: z
      .object({ id: idField("ws"), name: z.string().meta({ description: "What the business is called.", examples: ["Nile Flowers"] }) })
      .meta({ description: "The workspace that the key belongs to." }),
    api_key: ApiKey,
  })
  .meta({ id: "Me", description: "The API key that makes the request, and its workspace." });
export type Me = z.input<typeof Me>;

export const ApiKeyRef = z.strictObject({ api_key_id: idField("key") });
export type ApiKeyRef = z.output<typeof ApiKeyRef>;

export const ListApiKeys = z.strictObject(pageInput);
export type ListApiKeys = z.output<typeof ListApiKeys>;
export const ApiKeyList = listOf(ApiKey, "ApiKeyList");

const Name = textField(100, z.string().trim().min(1));
const SomeScopes = Scopes.min(1);
const RatePerMinute = z.number().int().min(1).max(6000);
/** West of Greenwich 9999 lasts into the year 10000 of UTC, which instants as we write them do not know. */
const Expiry = Moment.refine((text) => !(epochMs(text) >= Date.UTC(10_000, 0)), {
  error: "Must be before the year 10000, in UTC.",
  params: { code: "too_large" },
});

export const CreateApiKey = z.strictObject({
  name: Name,
  scopes: SomeScopes,
  rate_limit_per_minute: RatePerMinute.optional(),
  expires_at: Expiry.optional(),
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
