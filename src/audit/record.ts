import type { TxCtx } from "../core/context.ts";
import { audit_log } from "./tables.ts";

export type AuditedAction =
  | "workspace.created"
  | "api_key.created"
  | "api_key.updated"
  | "api_key.revoked"
  | "webhook_endpoint.created"
  | "webhook_endpoint.deleted"
  | "webhook_endpoint.updated"
  | "webhook_endpoint.disabled"
  | "webhook_endpoint.replayed"
  | "webhook_secret.rotated"
  | "webhook_secret.previous_expired"
  | "webhook_delivery.replayed"
  | "webhook_delivery.canceled"
  | "channel.created"
  | "channel.updated"
  | "channel.deleted"
  | "channel.verified"
  | "templates.synced"
  | "contact.deleted"
  | "conversation.handed_off"
  | "team_member.invited"
  | "team_member.joined"
  | "team_member.updated"
  | "team_member.removed"
  | "note.deleted";

/** Who did what, in the transaction that did it. Details never hold a secret. */
export async function record(ctx: TxCtx, action: AuditedAction, target_id: string | null, details: Record<string, unknown> = {}) {
  await ctx.db.insert(audit_log).values({
    workspace_id: ctx.workspace_id,
    id: ctx.newId("aud"),
    actor_type: ctx.actor.type,
    actor_id: ctx.actor.id,
    actor_name: ctx.actor.name,
    action,
    target_id,
    details,
    request_id: ctx.request_id,
    created_at: ctx.now(),
  });
}
