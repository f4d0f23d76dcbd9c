import type { Ctx } from "../core/context.ts";
import { extended } from "../core/extended.ts";
import type { WebhookAttempt, WebhookDelivery, WebhookEndpoint } from "./contract.ts";
import { readHeaders } from "./endpoint-headers.ts";
import type { webhook_attempts, webhook_deliveries, webhook_endpoints } from "./tables.ts";

type EndpointRow = typeof webhook_endpoints.$inferSelect;
type DeliveryRow = typeof webhook_deliveries.$inferSelect;
type AttemptRow = typeof webhook_attempts.$inferSelect;

export const presentEndpoint = (ctx: Pick<Ctx, "vault" | "log">, row: EndpointRow): WebhookEndpoint => ({
  ...row,
  object: "webhook_endpoint",
  status: !row.enabled ? "disabled" : row.failing_since ? "failing" : "active",
  header_names: Object.keys(readHeaders(ctx, row) ?? {}),
});

/** Whether a delivery may be claimed now or later is the queue's affair; outside both are pending. */
export function presentDelivery(row: DeliveryRow): WebhookDelivery {
  const status = row.status === "ready" || row.status === "scheduled" ? "pending" : row.status;
  const next_attempt_at = status === "pending" ? row.due_at : null;
  return extended(row, { object: "webhook_delivery" as const, status, next_attempt_at });
}

export const presentAttempt = (row: AttemptRow): WebhookAttempt => ({ ...row, object: "webhook_attempt" });
