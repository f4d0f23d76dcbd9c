import { and, eq } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { stored } from "./find-contact.ts";
import { contact_identities } from "./tables.ts";

/** Adds to what a contact is known by. An identity is one person's: another's is refused, not taken away. */
export async function addIdentities(ctx: TxCtx, contact_id: Id<"cont">, identities: Identity[]): Promise<void> {
  // In one order for everybody, so that two requests cannot wait for each other in a circle.
  const sorted = identities.map(stored).toSorted((a, b) => (a.kind + a.value < b.kind + b.value ? -1 : 1));
  for (const { kind, value } of sorted) {
    const row = { workspace_id: ctx.workspace_id, kind, value, contact_id, created_at: ctx.now() };
    await ctx.db.insert(contact_identities).values(row).onConflictDoNothing();
    const [owner] = await ctx.db
      .select({ contact_id: contact_identities.contact_id })
      .from(contact_identities)
      .where(and(mine(ctx, contact_identities), eq(contact_identities.kind, kind), eq(contact_identities.value, value)));
    if (owner?.contact_id !== contact_id) {
      throw new ApiError("duplicate_external_id", { detail: `Another contact has the identity ${kind} ${value}.` });
    }
  }
}

export async function replaceIdentities(ctx: TxCtx, contact_id: Id<"cont">, identities: Identity[]): Promise<void> {
  await ctx.db.delete(contact_identities).where(and(mine(ctx, contact_identities), eq(contact_identities.contact_id, contact_id)));
  await addIdentities(ctx, contact_id, identities);
}
