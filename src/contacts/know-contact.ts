import { and, eq, isNull, ne, or, sql } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { contact_identities, contacts } from "./tables.ts";

/**
 * The contact who has any of these identities, or a new one who has them all. An identity that is new to a
 * known contact is added to it; one that belongs to somebody else stays there.
 */
export async function knowContact(ctx: TxCtx, identities: Identity[], name: string | null): Promise<Id<"cont">> {
  // One order for everybody, so that two callbacks about one person cannot wait for each other in a circle.
  const sorted = identities.toSorted((a, b) => (a.kind + a.value < b.kind + b.value ? -1 : 1));
  const known = await hold(ctx, sorted);
  const contact_id = known ?? ctx.newId("cont");
  const now = ctx.now();

  if (!known) {
    await ctx.db.insert(contacts).values({ workspace_id: ctx.workspace_id, id: contact_id, name, created_at: now, updated_at: now });
  } else if (name !== null) {
    const unnamed = and(mine(ctx, contacts), eq(contacts.id, contact_id), sql`${contacts.name} is null`);
    await ctx.db.update(contacts).set({ name, updated_at: now }).where(unnamed);
  }

  const added = await ctx.db
    .insert(contact_identities)
    .values(sorted.map((identity) => ({ ...identity, workspace_id: ctx.workspace_id, contact_id, created_at: now })))
    .onConflictDoNothing()
    .returning({ kind: contact_identities.kind });
  if (known || added.length === sorted.length) return contact_id;

  // Another callback made the contact meanwhile: it is theirs, and ours was never needed.
  const theirs = await hold(ctx, sorted, contact_id);
  if (!theirs) return contact_id;
  const ours = and(mine(ctx, contact_identities), eq(contact_identities.contact_id, contact_id));
  await ctx.db.update(contact_identities).set({ contact_id: theirs }).where(ours);
  await ctx.db.delete(contacts).where(and(mine(ctx, contacts), eq(contacts.id, contact_id)));
  return theirs;
}

/** Whoever is being deleted at this moment is waited for, and is nobody any more: what was erased stays erased. */
export async function hold(ctx: TxCtx, identities: Identity[], except?: Id<"cont">): Promise<Id<"cont"> | undefined> {
  const found = await whoHas(ctx, identities, except);
  if (!found) return undefined;
  const living = and(mine(ctx, contacts), eq(contacts.id, found), isNull(contacts.deleted_at));
  const [held] = await ctx.db.select({ id: contacts.id }).from(contacts).where(living).for("key share");
  return held ? held.id : hold(ctx, identities, except);
}

/** Whose identity it is; of several the one who was known first. */
export async function whoHas(ctx: Ctx, identities: Identity[], except?: Id<"cont">): Promise<Id<"cont"> | undefined> {
  const any = identities.map(({ kind, value }) => and(eq(contact_identities.kind, kind), eq(contact_identities.value, value)));
  const [found] = await ctx.db
    .select({ contact_id: contact_identities.contact_id })
    .from(contact_identities)
    .where(and(mine(ctx, contact_identities), or(...any), except && ne(contact_identities.contact_id, except)))
    .orderBy(contact_identities.created_at, contact_identities.contact_id)
    .limit(1);
  return found?.contact_id;
}
