import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import type { ContactRef } from "./contract.ts";
import { contactById } from "./find-contact.ts";
import { identitiesOf } from "./identities.ts";
import { contact_addresses, contact_identities, contact_watermarks, contacts } from "./tables.ts";

/**
 * Forgets a person: name, external id, metadata and every identity are erased. The conversations stay, with
 * nobody in them to write to; whoever writes again is a new contact.
 */
export async function deleteContact(ctx: TxCtx, { contact_id }: ContactRef) {
  const { id } = await contactById(ctx, contact_id, "update");
  const now = ctx.now();
  for (const { kind, value } of await identitiesOf(ctx, id))
    for (const table of [contact_watermarks, contact_addresses])
      await ctx.db.delete(table).where(and(mine(ctx, table), eq(table.kind, kind), eq(table.value, value)));
  await ctx.db.delete(contact_identities).where(and(mine(ctx, contact_identities), eq(contact_identities.contact_id, id)));
  await ctx.db
    .update(contacts)
    .set({ name: null, external_id: null, metadata: {}, deleted_at: now, updated_at: now })
    .where(and(mine(ctx, contacts), eq(contacts.id, id)));
  await record(ctx, "contact.deleted", id);
  return { id, object: "contact" as const, deleted: true as const };
}
