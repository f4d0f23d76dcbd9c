import { and, eq, isNull } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { providers } from "../channels/providers/all.ts";
import { knowContact } from "../contacts/know-contact.ts";
import { contacts } from "../contacts/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { invalid, noSuch } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { unreachable } from "./addresses.ts";

interface Named {
  contact_id?: Id<"cont"> | undefined;
  to?: Identity | undefined;
}

/** The contact that was named. Somebody unknown becomes a contact, if the channel can reach them. */
export async function findRecipient(ctx: TxCtx, { channel }: Channel, { contact_id, to }: Named): Promise<Id<"cont">> {
  if (to) {
    if (!providers[channel].reaches.includes(to.kind)) throw unreachable(channel);
    return knowContact(ctx, [to], null);
  }
  // Held: who is being deleted at this moment is nobody's recipient any more.
  const [contact] = await ctx.db
    .select({ id: contacts.id })
    .from(contacts)
    .where(and(mine(ctx, contacts), eq(contacts.id, contact_id!), isNull(contacts.deleted_at)))
    .for("key share");
  if (!contact) throw invalid(noSuch("/contact_id"));
  return contact.id;
}
