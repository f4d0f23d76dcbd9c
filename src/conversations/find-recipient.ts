import { and, eq, inArray, isNull } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { providers } from "../channels/providers/all.ts";
import { stored } from "../contacts/find-contact.ts";
import { knowContact } from "../contacts/know-contact.ts";
import { contact_identities, contacts } from "../contacts/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError, invalid, noSuch } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";

interface Named {
  contact_id?: Id<"cont"> | undefined;
  to?: Identity | undefined;
}

/** The contact that was named, if the channel has an address for them. Somebody unknown becomes a contact. */
export async function findRecipient(ctx: TxCtx, { channel, provider }: Channel, { contact_id, to }: Named): Promise<Id<"cont">> {
  // Somebody new is addressed as on the channel itself, also where the sandbox stands in for it.
  const addressed_by = providers[channel].reaches;
  const reaches = [...addressed_by, ...providers[provider].reaches];
  const unreachable = () =>
    new ApiError("recipient_unreachable", {
      detail: `The channel reaches a contact by ${addressed_by.join(" or ")}, and this one has none.`,
    });
  if (to) {
    if (!addressed_by.includes(to.kind)) throw unreachable();
    return knowContact(ctx, [stored(to)], null);
  }

  // Held: who is being deleted at this moment is nobody's recipient any more.
  const [contact] = await ctx.db
    .select({ id: contacts.id })
    .from(contacts)
    .where(and(mine(ctx, contacts), eq(contacts.id, contact_id!), isNull(contacts.deleted_at)))
    .for("key share");
  if (!contact) throw invalid(noSuch("/contact_id"));
  const addresses = await ctx.db
    .select({ kind: contact_identities.kind })
    .from(contact_identities)
    .where(and(mine(ctx, contact_identities), eq(contact_identities.contact_id, contact.id), inArray(contact_identities.kind, reaches)));
  if (addresses.length === 0) throw unreachable();
  return contact.id;
}
