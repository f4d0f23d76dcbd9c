import type { TxCtx } from "../core/context.ts";
import type { AuditedAction } from "./contract.ts";
import { audit_log } from "./tables.ts";

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
