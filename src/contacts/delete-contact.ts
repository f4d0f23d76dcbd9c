import { and, eq, sql } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { provider_events } from "../channels/tables.ts";
import { messages } from "../messages/tables.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import type { ContactRef } from "./contract.ts";
import { contactById } from "./find-contact.ts";
import { identitiesOf } from "./identities.ts";
import { forgetRenamings } from "./renamings.ts";
import { contact_addresses, contact_identities, contact_watermarks, contacts } from "./tables.ts";

/**
 * Forgets a person: name, external id, metadata and every identity are erased. The conversations stay, with
 * nobody in them to write to; whoever writes again is a new contact. What providers told of their messages is known
 * by its key alone from then on.
 */
export async function deleteContact(ctx: TxCtx, { contact_id }: ContactRef) {
  const { id } = await contactById(ctx, contact_id, "update");
  const now = ctx.now();
  for (const identity of await identitiesOf(ctx, id)) {
    const { kind, value } = identity;
    for (const table of [contact_watermarks, contact_addresses])
      await ctx.db.delete(table).where(and(mine(ctx, table), eq(table.kind, kind), eq(table.value, value)));
    await forgetRenamings(ctx, identity);
  }
  await eraseTold(ctx, id);
  await ctx.db.delete(contact_identities).where(and(mine(ctx, contact_identities), eq(contact_identities.contact_id, id)));
  await ctx.db
    .update(contacts)
    .set({ name: null, external_id: null, metadata: {}, deleted_at: now, updated_at: now })
    .where(and(mine(ctx, contacts), eq(contacts.id, id)));
  await record(ctx, "contact.deleted", id);
  return { id, object: "contact" as const, deleted: true as const };
}

async function eraseTold(ctx: TxCtx, contact_id: Id<"cont">): Promise<void> {
  await ctx.db
    .update(provider_events)
    .set({ raw: null, held: null })
    .from(messages)
    .where(
      and(
        mine(ctx, provider_events),
        mine(ctx, messages),
        eq(messages.contact_id, contact_id),
        eq(provider_events.channel_id, messages.channel_id),
        eq(provider_events.external_id, messages.external_id),
        // In words of SQL: with a parameter in its place the index of what was told could not be used.
        sql`${provider_events.outcome} <> 'held'`,
      ),
    );
}
