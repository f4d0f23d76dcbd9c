import { and, asc, eq, sql } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { audit_log } from "../../src/audit/tables.ts";
import type { Ctx } from "../../src/core/context.ts";
import { uuidOf, type Id, type NewId, type Prefix } from "../../src/core/ids.ts";
import { mine } from "../../src/db/mine.ts";
import type { WebhookAttempt, WebhookDelivery } from "../../src/webhooks/contract.ts";
import { events, webhook_deliveries, webhook_endpoints } from "../../src/webhooks/tables.ts";
import type { Received } from "./receiver.ts";
import type { Tenant, World } from "./world.ts";

export interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

/** The delivery log, the newest first. */
export const deliveriesOf = async (tenant: Tenant, query = ""): Promise<WebhookDelivery[]> =>
  (await tenant.get<Page<WebhookDelivery>>(`/v1/webhook_deliveries?limit=100${query}`)).body.data;

/** The one delivery that there is. */
export async function onlyDelivery(tenant: Tenant): Promise<WebhookDelivery> {
  const [delivery, ...others] = await deliveriesOf(tenant);
  if (!delivery || others.length > 0) throw new Error(`there are ${delivery ? others.length + 1 : 0} deliveries`);
  return delivery;
}

export const attemptsOf = async (tenant: Tenant, delivery_id: string): Promise<WebhookAttempt[]> =>
  (await tenant.get<Page<WebhookAttempt>>(`/v1/webhook_deliveries/${delivery_id}/attempts?limit=100`)).body.data;

export const replay = (tenant: Tenant, delivery_id: string) => tenant.post<WebhookDelivery>(`/v1/webhook_deliveries/${delivery_id}/replay`);

/** What a stock library says of a request. */
export function verifies(secret: string, { body, headers }: Received): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

/** Endpoints of one URL, faster than by asking for each. */
export async function leaveEndpoints(
  ctx: Ctx,
  url: string,
  count: number,
  given: Partial<typeof webhook_endpoints.$inferInsert> = {},
): Promise<Id<"whe">[]> {
  const now = ctx.now();
  const rows = Array.from({ length: count }, () => ({
    workspace_id: ctx.workspace_id,
    id: ctx.newId("whe"),
    url,
    event_types: ["new_message" as const],
    created_at: now,
    updated_at: now,
    ...given,
  }));
  await ctx.db.insert(webhook_endpoints).values(rows);
  return rows.map(({ id }) => id);
}

/** Deliveries as traffic before the test would have left them, each of an event of its own. */
export async function leaveDeliveries(
  ctx: Ctx,
  endpoint_id: Id<"whe">,
  count: number,
  given: Partial<typeof webhook_deliveries.$inferInsert> = {},
): Promise<Id<"dlv">[]> {
  const { db, workspace_id, newId } = ctx;
  const now = ctx.now();
  const kind = { workspace_id, created_at: now };
  const happened = Array.from({ length: count }, () => {
    const id = newId("evt");
    return { ...kind, id, type: "new_message" as const, channel: "whatsapp" as const, payload: `{"id":"${id}"}` };
  });
  await db.insert(events).values(happened);
  const rows = happened.map((event) => ({
    ...kind,
    id: newId("dlv"),
    endpoint_id,
    event_id: event.id,
    event_type: event.type,
    status: "ready" as const,
    term: sql<number>`(select term from ${webhook_endpoints} where ${mine(ctx, webhook_endpoints)} and id = ${uuidOf(endpoint_id)}::uuid)`,
    due_at: now,
    updated_at: now,
    ...given,
  }));
  await db.insert(webhook_deliveries).values(rows);
  return rows.map(({ id }) => id);
}

/** A delivery as it lies on disk, where ready and scheduled are two. */
export async function storedDelivery({ ctx }: Tenant, id: string) {
  const [row] = await ctx.db
    .select()
    .from(webhook_deliveries)
    .where(and(mine(ctx, webhook_deliveries), eq(webhook_deliveries.id, id as Id<"dlv">)));
  if (!row) throw new Error(`there is no delivery ${id}`);
  return row;
}

/** Who did what, the first deed first; what made the workspace is left out. */
export async function auditOf({ ctx }: Tenant) {
  const rows = await ctx.db.select().from(audit_log).where(mine(ctx, audit_log)).orderBy(asc(audit_log.id));
  return rows.filter(({ action }) => action.startsWith("webhook_"));
}

/** Whatever needs a new id of this kind fails, until what it returns is called: a crash at a place of one's choice. */
export function breakAt(world: World, kind: Prefix): () => void {
  const { newId } = world.services;
  world.services.newId = ((prefix: Prefix) => {
    if (prefix === kind) throw new Error(`no ${kind} can be made`);
    return newId(prefix);
  }) as NewId;
  return () => void (world.services.newId = newId);
}
