import { z } from "zod";
import type { Actor } from "../core/context.ts";
import { idField, listOf, Moment, pageInput, several, Timestamp } from "../core/fields.ts";
import { exampleId, story } from "../core/story.ts";

/** What is recorded, and of what: the target is the thing that the sentence names. */
const audited = {
  "workspace.created": "The workspace was created.",
  "workspace.updated": "The workspace's settings were changed: `details` has `changed`, and `from` and `to` of each.",
  "api_key.created": "The API key was created: `details` has what it may do, how often and until when.",
  "api_key.updated": "The API key's name, scopes or rate limit were changed: `details` has `changed`, and `from` and `to` of each.",
  "api_key.revoked": "The API key was revoked.",
  "webhook_endpoint.created": "The webhook endpoint was created.",
  "webhook_endpoint.updated": "The webhook endpoint was changed: `details` has `changed`, and `from` and `to` of each but `headers`.",
  "webhook_endpoint.disabled": "The webhook endpoint was disabled, because its receiver answered 410.",
  "webhook_endpoint.deleted": "The webhook endpoint was deleted.",
  "webhook_endpoint.replayed": "A replay of the webhook endpoint's deliveries was requested.",
  "webhook_secret.rotated": "The webhook secret was replaced; no target.",
  "webhook_secret.previous_expired": "The grace period of earlier webhook secrets was ended; no target.",
  "webhook_delivery.replayed": "A replay of the delivery was requested.",
  "webhook_delivery.canceled": "The delivery was canceled.",
  "channel.created": "The channel was connected.",
  "channel.updated": "The channel was changed: `details` has `changed`, and `from` and `to` of each but `credentials`.",
  "channel.deleted": "The channel was deleted.",
  "channel.verified": "The channel's credentials were checked with its provider.",
  "templates.synced": "A synchronisation of the WhatsApp templates was requested; no target.",
  "contact.deleted": "The contact was erased.",
  "conversation.handed_off": "It was changed who answers in the conversation: `details` has `from`, `to` and `note`.",
  "team_member.invited": "The member was invited.",
  "team_member.joined": "The member accepted the invitation: `details` has where from.",
  "team_member.updated": "The member's name or role was changed: `details` has `changed`, and `from` and `to` of each.",
  "team_member.signed_in": "The member signed in: `details` has `session_id`, and where from.",
  "team_member.signed_out": "The member ended one of their sessions, or all the others: `details` has how many `ended`.",
  "team_member.password_changed": "The member changed their password, and all of their sessions ended: `details` has how many.",
  "team_member.sign_in_failed": "A wrong password was given for the member; at most one entry an hour.",
  "team_member.sign_in_refused": "Too many passwords were tried for the member from one address; at most one entry an hour.",
  "team_member.removed":
    "The member was removed: `details` has their role, how many conversations and tickets became unassigned, and `api_keys`: those that they created and that still work.",
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
  .meta({ id: "AuditedAction", description: `What was done:\n- ${listed(audited)}` });

export const ActorType = z
  .enum(Object.keys(actors) as [Actor["type"], ...Actor["type"][]])
  .meta({ id: "ActorType", description: `Who did it:\n- ${listed(actors)}` });

export const AuditEntry = z
  .object({
    id: idField("aud"),
    object: z.literal("audit_entry"),
    action: AuditedAction,
    actor_type: ActorType,
    actor_id: z
      .string()
      .nullable()
      .meta({ description: "Id of the API key, member or channel; null for the service itself.", examples: [exampleId("key")] }),
    actor_name: z.string().meta({ description: "The name at that time.", examples: ["Help desk"] }),
    target_id: z
      .string()
      .nullable()
      .meta({ description: "Id of what it was done to; null for an action without a target.", examples: [exampleId("whe")] }),
    details: z
      .record(z.string(), z.unknown())
      .meta({ description: "More about it, depending on the action. It never holds a secret.", examples: [{ changed: ["url"] }] }),
    request_id: z.string().meta({ description: "Id of the request that did it.", examples: [exampleId("req")] }),
    created_at: Timestamp,
  })
  .meta({
    id: "AuditEntry",
    description: "A record of something that somebody did. Entries are never changed or deleted.",
    examples: [
      {
        id: exampleId("aud"),
        object: "audit_entry",
        action: "conversation.handed_off",
        actor_type: "api_key",
        actor_id: exampleId("key"),
        actor_name: "Help desk",
        target_id: exampleId("conv"),
        details: { from: "unassigned", to: "human", note: null },
        request_id: exampleId("req"),
        created_at: story.assigned_at,
      },
    ],
  });
export type AuditEntry = z.input<typeof AuditEntry>;

const filters = {
  action: several(AuditedAction),
  actor_type: ActorType.optional(),
  actor_id: z
    .string()
    .min(1)
    .max(100)
    .meta({ description: "Only what this API key, member or channel did, by its id.", examples: [exampleId("key")] })
    .optional(),
  target_id: z
    .string()
    .min(1)
    .max(100)
    .meta({ description: "Only what was done to this, by its id; also if it was deleted since.", examples: [exampleId("whe")] })
    .optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
};

export const ListAuditLog = z.strictObject({ ...filters, ...pageInput });
export type ListAuditLog = z.output<typeof ListAuditLog>;
export const AuditEntryList = listOf(AuditEntry, "AuditEntryList");

export const ExportAuditLog = z.strictObject(filters);
export type ExportAuditLog = z.output<typeof ExportAuditLog>;
