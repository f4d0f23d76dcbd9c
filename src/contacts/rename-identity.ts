import { and, eq, or } from "drizzle-orm";
import type { InboundEvent } from "../channels/providers/provider.ts";
import type { TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import { hold, takeOverPhones } from "./know-contact.ts";
import { moveAddress } from "./move-address.ts";
import { calledSince, keepRenaming, type Renaming } from "./renamings.ts";
import { contact_identities } from "./tables.ts";

type Told = Pick<Extract<InboundEvent, { kind: "renaming" }>, "previous" | "current" | "occurred_at">;

/**
 * A person is called otherwise now, and is the same contact. False where nobody was called so, or somebody else is by now.
 * Known or not, it is kept for what they said before and is told later.
 */
export async function renameIdentity(ctx: TxCtx, { previous, current, occurred_at }: Told): Promise<boolean> {
  const identities = await calledSince(ctx, current, occurred_at);
  const renamings = previous.flatMap(({ kind, value }): Renaming[] => {
    const successor = identities.find((identity) => identity.kind === kind);
    return successor && successor.value !== value ? [{ kind, previous: value, current: successor.value }] : [];
  });
  for (const renaming of renamings) await keepRenaming(ctx, renaming, occurred_at);

  const contact_id = await hold(ctx, previous);
  if (!contact_id) return false;
  await takeOverPhones(ctx, contact_id, identities, occurred_at);
  const added = await ctx.db
    .insert(contact_identities)
    .values(identities.map((identity) => ({ ...identity, workspace_id: ctx.workspace_id, contact_id, created_at: ctx.now() })))
    .onConflictDoNothing()
    .returning({ kind: contact_identities.kind });

  const theirs = and(mine(ctx, contact_identities), eq(contact_identities.contact_id, contact_id));
  const is = (kind: Renaming["kind"], value: string) => and(eq(contact_identities.kind, kind), eq(contact_identities.value, value));
  const held = await ctx.db
    .select({ kind: contact_identities.kind })
    .from(contact_identities)
    .where(and(theirs, or(...renamings.map(({ kind, current: value }) => is(kind, value)))));
  const given_up = renamings.filter(({ kind }) => held.some((identity) => identity.kind === kind));
  // A number that was given up may be somebody else's tomorrow.
  for (const { kind, previous: value, current: successor } of given_up) await moveAddress(ctx, { kind, value }, { kind, value: successor });
  if (given_up.length > 0)
    await ctx.db.delete(contact_identities).where(and(theirs, or(...given_up.map(({ kind, previous: value }) => is(kind, value)))));
  return added.length > 0 || given_up.length > 0;
}
