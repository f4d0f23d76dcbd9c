import { z } from "zod";
import type { Actor } from "../core/context.ts";
import { idField, listOf, Moment, pageInput, several, Timestamp } from "../core/fields.ts";

/** What is recorded, and of what: the target is the thing that the sentence names. */
const audited = {
  "workspace.created": "The workspace was made.",
  "workspace.updated": "The workspace's settings were changed: `details` has `changed`, and `from` and `to` of each.",
  "api_key.created": "The API key was made.",
  "api_key.updated": "The API key's name, scopes or limit were changed.",
  "api_key.revoked": "The API key was revoked.",
  "webhook_endpoint.created": "The webhook endpoint was made.",
  "webhook_endpoint.updated": "The webhook endpoint was changed.",
  "webhook_endpoint.disabled": "The webhook endpoint was disabled, because its receiver answered 410.",
  "webhook_endpoint.deleted": "The webhook endpoint was deleted.",
  "webhook_endpoint.replayed": "A replay of many deliveries to the webhook endpoint was asked for.",
  "webhook_secret.rotated": "The webhook secret was replaced; no target.",
  "webhook_secret.previous_expired": "The webhook secret before this one ended before its time; no target.",
  "webhook_delivery.replayed": "A replay of the delivery was asked for.",
  "webhook_delivery.canceled": "The delivery was canceled.",
  "channel.created": "The channel was connected.",
  "channel.updated": "The channel was changed; of credentials only the names of the fields are kept.",
  "channel.deleted": "The channel was deleted.",
  "channel.verified": "The channel's credentials were tried at its provider.",
  "templates.synced": "WhatsApp templates were fetched, by somebody's wish; no target.",
  "contact.deleted": "The contact was erased.",
  "conversation.handed_off": "Somebody else answers in the conversation: `details` has `from`, `to` and `note`.",
  "team_member.invited": "The member was invited.",
  "team_member.joined": "The member took the invitation.",
  "team_member.updated": "The member's name or role was changed.",
  "team_member.removed": "The member was removed; `details` has how much was released.",
  "note.deleted": "The note was deleted.",
} as const;
export type AuditedAction = keyof typeof audited;

const actors: Record<Actor["type"], string> = {
  api_key: "a request with an API key",
  member: "a member of the team in the portal",
  provider: "a provider's callback; the id is its channel's",
  system: "the service itself; it has no id",
};

const listed = (words: Record<string, string>): string =>
  Object.entries(words)
    .map(([word, meaning]) => `\`${word}\`: ${meaning}`)
    .join("\n- ");

export const AuditedAction = z
  .enum(Object.keys(audited) as [AuditedAction, ...AuditedAction[]])
  .meta({ id: "AuditedAction", description: `What was done, and to what:\n- ${listed(audited)}` });

export const ActorType = z
  .enum(Object.keys(actors) as [Actor["type"], ...Actor["type"][]])
  .meta({ description: `Who did it:\n- ${listed(actors)}` });

export const AuditEntry = z
  .object({
    id: idField("aud"),
    object: z.literal("audit_entry"),
    action: AuditedAction,
    actor_type: ActorType,
    actor_id: z
      .string()
      .nullable()
      .meta({ examples: ["key_01m7x0q4w6e8r9t2y3v5n7b1c4"] }),
    actor_name: z.string().meta({ description: "As it was then.", examples: ["Back office"] }),
    target_id: z
      .string()
      .nullable()
      .meta({ description: "Id of what it was done to.", examples: ["whe_01m7x0q4w6e8r9t2y3v5n7b1c4"] }),
    details: z
      .record(z.string(), z.unknown())
      .meta({ description: "What more there is to know, by the action. Never a secret.", examples: [{ changed: ["url"] }] }),
    request_id: z.string().meta({ description: "The request that did it.", examples: ["req_01m7x0q4w6e8r9t2y3v5n7b1c4"] }),
    created_at: Timestamp,
  })
  .meta({ id: "AuditEntry", description: "That somebody did something. Entries are never changed, and never deleted." });
export type AuditEntry = z.input<typeof AuditEntry>;

const filters = {
  action: several(AuditedAction),
  actor_type: ActorType.optional(),
  actor_id: z
    .string()
    .min(1)
    .max(100)
    .meta({ examples: ["key_01m7x0q4w6e8r9t2y3v5n7b1c4"] })
    .optional(),
  target_id: z
    .string()
    .min(1)
    .max(100)
    .meta({ description: "Also of what is gone.", examples: ["whe_01m7x0q4w6e8r9t2y3v5n7b1c4"] })
    .optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
};

export const ListAuditLog = z.strictObject({ ...filters, ...pageInput });
export type ListAuditLog = z.output<typeof ListAuditLog>;
export const AuditEntryList = listOf(AuditEntry, "AuditEntryList");

export const ExportAuditLog = z.strictObject(filters);
export type ExportAuditLog = z.output<typeof ExportAuditLog>;
