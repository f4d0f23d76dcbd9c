import { and, eq } from "drizzle-orm";
import { changesOf } from "../core/changes.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { patched } from "../core/patched.ts";
import { isUniqueViolation } from "../db/constraint.ts";
import { mine } from "../db/mine.ts";
import type { UpdateContact } from "./contract.ts";
import { contactById } from "./find-contact.ts";
import { replaceIdentities } from "./identities.ts";
import { contacts } from "./tables.ts";

/** Changes what is named and leaves the rest. What is so already is no change. */
export async function updateContact(ctx: TxCtx, { contact_id, identities, metadata, ...wanted }: UpdateContact) {
  const contact = await contactById(ctx, contact_id, "update");
  const changes = changesOf(contact, { ...wanted, metadata: patched(contact.metadata, metadata) });
  if (!identities && Object.keys(changes).length === 0) return contact;
  await ctx.db
    .update(contacts)
    .set({ ...changes, updated_at: ctx.now() })
    .where(and(mine(ctx, contacts), eq(contacts.id, contact_id)))
    .catch(refuseDuplicate);
  if (identities) await replaceIdentities(ctx, contact_id, identities);
  return contactById(ctx, contact_id);
}

function refuseDuplicate(error: unknown): never {
  if (isUniqueViolation(error, "contacts_external_id"))
    throw new ApiError("duplicate_external_id", { detail: "Another contact has this external id." });
  throw error;
}
