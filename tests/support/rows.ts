import { eq } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import { provider_events } from "../../src/channels/tables.ts";
import { contacts } from "../../src/contacts/tables.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { messages } from "../../src/messages/tables.ts";
import { events } from "../../src/webhooks/tables.ts";
import type { Tenant } from "./world.ts";

/** What a workspace has in a table, the oldest first where rows have ids. */
export async function rowsOf<T extends PgTable & { workspace_id: AnyPgColumn; id?: AnyPgColumn }>(
  { ctx }: Tenant,
  table: T,
): Promise<T["$inferSelect"][]> {
  const rows = await ctx.db
    .select()
    .from(table as PgTable)
    .where(eq(table.workspace_id, ctx.workspace_id))
    .orderBy(table.id ?? table.workspace_id);
  return rows as T["$inferSelect"][];
}

/** How much a workspace keeps: what a refusal must leave as it was. */
export async function countsOf(tenant: Tenant) {
  const count = async (table: PgTable & { workspace_id: AnyPgColumn }) => (await rowsOf(tenant, table)).length;
  return {
    contacts: await count(contacts),
    conversations: await count(conversations),
    messages: await count(messages),
    events: await count(events),
    provider_events: await count(provider_events),
  };
}

/** The payloads of a workspace's events, the oldest first. */
export async function eventsOf<D = Record<string, unknown>>(tenant: Tenant) {
  const rows = await rowsOf(tenant, events);
  return rows
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ payload }) => JSON.parse(payload) as { type: string; timestamp: string; data: D });
}
