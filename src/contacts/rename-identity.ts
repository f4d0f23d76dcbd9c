import { and, eq } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import { hold } from "./know-contact.ts";
import { moveAddress } from "./move-address.ts";
import { contact_identities } from "./tables.ts";

interface Renaming {
  previous: Identity;
  current: Identity[];
}

/** A person is called otherwise now, and is the same contact. False where nobody was called so, or somebody else is by now. */
export async function renameIdentity(ctx: TxCtx, { previous, current }: Renaming): Promise<boolean> {
  const contact_id = await hold(ctx, [previous]);
  if (!contact_id) return false;
  await ctx.db
    .insert(contact_identities)
    .values(current.map((identity) => ({ ...identity, workspace_id: ctx.workspace_id, contact_id, created_at: ctx.now() })))
    .onConflictDoNothing();
  const successor = current.find(({ kind }) => kind === previous.kind);
  if (!successor || (await hold(ctx, [successor])) !== contact_id) return false;

  // A number that was given up may be somebody else's tomorrow.
  const { kind, value } = previous;
  if (value === successor.value) return true;
  await moveAddress(ctx, previous, successor);
  await ctx.db
    .delete(contact_identities)
    .where(and(mine(ctx, contact_identities), eq(contact_identities.kind, kind), eq(contact_identities.value, value)));
  return true;
}
