import { and, eq } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { patched } from "../core/patched.ts";
import { mine } from "../db/mine.ts";
import type { UpsertContact } from "./contract.ts";
import { contactById } from "./find-contact.ts";
import { addIdentities } from "./identities.ts";
import { contacts } from "./tables.ts";

/** Makes a contact, or updates the one that has the external id: importing the same people twice makes them once. */
export async function upsertContact(ctx: TxCtx, input: UpsertContact) {
  const id = await insertOrUpdate(ctx, input);
  await addIdentities(ctx, id, input.identities);
  return contactById(ctx, id);
}

async function insertOrUpdate(ctx: TxCtx, input: UpsertContact): Promise<Id<"cont">> {
  // Neither where somebody had the external id and gave it up in between.
  return (await insert(ctx, input)) ?? (await update(ctx, input)) ?? insertOrUpdate(ctx, input);
}

/** Nothing comes back when the external id is somebody's: also when that somebody is only being made. */
async function insert(ctx: TxCtx, { external_id, name, metadata }: UpsertContact): Promise<Id<"cont"> | undefined> {
  const now = ctx.now();
  const [made] = await ctx.db
    .insert(contacts)
    .values({
      workspace_id: ctx.workspace_id,
      id: ctx.newId("cont"),
      external_id: external_id ?? null,
      name: name ?? null,
      metadata: patched({}, metadata),
      created_at: now,
      updated_at: now,
    })
    .onConflictDoNothing({ target: [contacts.workspace_id, contacts.external_id] })
    .returning({ id: contacts.id });
  return made?.id;
}

async function update(ctx: TxCtx, { external_id, name, metadata }: UpsertContact): Promise<Id<"cont"> | undefined> {
  const theirs = and(mine(ctx, contacts), eq(contacts.external_id, external_id!));
  const [known] = await ctx.db.select({ id: contacts.id, metadata: contacts.metadata }).from(contacts).where(theirs).for("update");
  if (!known) return undefined;
  await ctx.db
    .update(contacts)
    .set({ ...(name !== undefined && { name }), metadata: patched(known.metadata, metadata), updated_at: ctx.now() })
    .where(and(mine(ctx, contacts), eq(contacts.id, known.id)));
  return known.id;
}
