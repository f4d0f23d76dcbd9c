import { and, eq, inArray, isNull, lte, ne, or, sql } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { after, type Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { calledSince } from "./renamings.ts";
import { contact_identities, contacts } from "./tables.ts";

/**
 * The contact who had any of these identities at that moment, or a new one who has them all. An identity that is new to a
 * known contact is added to it; one that belongs to somebody else stays there, but for a phone number.
 */
export async function knowContact(ctx: TxCtx, named: Identity[], name: string | null, at: Timestamp = ctx.now()): Promise<Id<"cont">> {
  const identities = await calledSince(ctx, named, at);
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
  if (known) await takeOverPhones(ctx, known, sorted, at);

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

/** The provider counts whole seconds: what was said in one may have been said at its end. */
const rest_of_second_ms = 999;

/**
 * Numbers are given to somebody else, ids of persons are not: who shows both has the number now, and its former owner would
 * be written to in their place. Not by what was said before the number was known to be another's.
 */
export async function takeOverPhones(ctx: TxCtx, contact_id: Id<"cont">, identities: Identity[], at: Timestamp): Promise<void> {
  const phones = identities.filter(({ kind }) => kind === "phone").map(({ value }) => value);
  if (phones.length === 0 || phones.length === identities.length) return;
  await ctx.db
    .update(contact_identities)
    .set({ contact_id, created_at: ctx.now() })
    .where(
      and(
        mine(ctx, contact_identities),
        eq(contact_identities.kind, "phone"),
        inArray(contact_identities.value, phones),
        ne(contact_identities.contact_id, contact_id),
        lte(contact_identities.created_at, after(at, rest_of_second_ms)),
      ),
    );
}

/** Whose identity it is; of several the one whose own id it is before one whose number it is, then who was known first. */
export async function whoHas(ctx: Ctx, identities: Identity[], except?: Id<"cont">): Promise<Id<"cont"> | undefined> {
  const any = identities.map(({ kind, value }) => and(eq(contact_identities.kind, kind), eq(contact_identities.value, value)));
  const [found] = await ctx.db
    .select({ contact_id: contact_identities.contact_id })
    .from(contact_identities)
    .where(and(mine(ctx, contact_identities), or(...any), except && ne(contact_identities.contact_id, except)))
    .orderBy(sql`${contact_identities.kind} = 'phone'`, contact_identities.created_at, contact_identities.contact_id)
    .limit(1);
  return found?.contact_id;
}
