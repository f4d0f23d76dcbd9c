import { and, eq, not, or } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { ApiError, invalid } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { most_identities } from "./contract.ts";
import { shown, stored } from "./find-contact.ts";
import { contact_identities } from "./tables.ts";

/** What a contact is known by, as the providers say it. */
export const identitiesOf = (ctx: Ctx, contact_id: Id<"cont">): Promise<Identity[]> =>
  ctx.db
    .select({ kind: contact_identities.kind, value: contact_identities.value })
    .from(contact_identities)
    .where(and(mine(ctx, contact_identities), eq(contact_identities.contact_id, contact_id)))
    .orderBy(contact_identities.created_at, contact_identities.value);

/** Adds to what a contact is known by. An identity is one person's: another's is refused, not taken away. */
export async function addIdentities(ctx: TxCtx, contact_id: Id<"cont">, identities: Identity[]): Promise<void> {
  // In one order for everybody, so that two requests cannot wait for each other in a circle.
  const sorted = identities.map(stored).toSorted((a, b) => (a.kind + a.value < b.kind + b.value ? -1 : 1));
  for (const identity of sorted) await add(ctx, contact_id, identity);
  if (identities.length === 0) return;
  const held = await ctx.db.$count(contact_identities, heldBy(ctx, contact_id));
  if (held > most_identities) {
    throw invalid({ pointer: "/identities", code: "too_large", detail: `identities: a contact has at most ${most_identities}.` });
  }
}

/** What is not named is removed; what is named and there already stays as it is. */
export async function replaceIdentities(ctx: TxCtx, contact_id: Id<"cont">, identities: Identity[]): Promise<void> {
  const named = or(...identities.map(stored).map(isIdentity));
  // Held in one order before any is removed: two contacts that swap theirs must not wait for each other.
  await ctx.db
    .select({ kind: contact_identities.kind })
    .from(contact_identities)
    .where(and(mine(ctx, contact_identities), or(eq(contact_identities.contact_id, contact_id), named)))
    .orderBy(contact_identities.kind, contact_identities.value)
    .for("update");
  await ctx.db.delete(contact_identities).where(and(heldBy(ctx, contact_id), named && not(named)));
  await addIdentities(ctx, contact_id, identities);
}

async function add(ctx: TxCtx, contact_id: Id<"cont">, identity: Identity): Promise<void> {
  const row = { ...identity, workspace_id: ctx.workspace_id, contact_id, created_at: ctx.now() };
  const added = await ctx.db.insert(contact_identities).values(row).onConflictDoNothing().returning({ kind: contact_identities.kind });
  if (added.length > 0) return;
  const [owner] = await ctx.db
    .select({ contact_id: contact_identities.contact_id })
    .from(contact_identities)
    .where(and(mine(ctx, contact_identities), isIdentity(identity)));
  // Its owner gave it up meanwhile.
  if (!owner) return add(ctx, contact_id, identity);
  if (owner.contact_id === contact_id) return;
  const { kind, value } = shown(identity);
  throw new ApiError("duplicate_external_id", { detail: `Another contact, ${owner.contact_id}, has the identity ${kind} ${value}.` });
}

const isIdentity = ({ kind, value }: Identity) => and(eq(contact_identities.kind, kind), eq(contact_identities.value, value));
const heldBy = (ctx: TxCtx, contact_id: Id<"cont">) => and(mine(ctx, contact_identities), eq(contact_identities.contact_id, contact_id));
