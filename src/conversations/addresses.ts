import { sql } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { providers } from "../channels/providers/all.ts";
import { knownAndHeard } from "../contacts/open-window.ts";
import { contact_addresses, contact_identities } from "../contacts/tables.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { reading, slot } from "../db/statement.ts";
import { conversations } from "./tables.ts";

/** One way to reach a contact on a channel, with what its owner did there. */
export interface Address extends Identity {
  address_id: string;
  spelling_of: string | null;
  last_inbound_at: Timestamp | null;
  opted_out_at: Timestamp | null;
}

interface Where {
  contact_id: Id<"cont">;
  /** Null where there is none yet. */
  conversation_id: Id<"conv"> | null;
}

/**
 * By what the channel reaches a contact. The first is where a message goes that names none: where the conversation was
 * opened to by name, until they write; then where they last wrote from; on WhatsApp the number before the user id.
 */
export async function addressesOf(ctx: Ctx, { id: channel_id, channel, provider }: Channel, where: Where): Promise<Address[]> {
  const reaches = [...providers[channel].reaches, ...providers[provider].reaches];
  const known = await allOf(ctx.db, { workspace_id: ctx.workspace_id, channel_id, ...where });
  return known.filter(({ kind }) => reaches.includes(kind));
}

const { kind, value, address_id, spelling_of } = contact_identities;
const { last_inbound_at, opted_out_at } = contact_addresses;
const workspace_id = slot(contact_identities.workspace_id);
const allOf = reading<Address>(
  { kind, value, address_id, spelling_of, last_inbound_at, opted_out_at },
  () => sql`
  select known.kind, known.value, known.address_id, known.spelling_of, heard.last_inbound_at, heard.opted_out_at ${knownAndHeard({
    workspace_id,
    channel_id: slot(contact_addresses.channel_id),
    contact_id: slot(contact_identities.contact_id),
    chosen: sql`(select address_id from ${conversations}
      where workspace_id = ${workspace_id} and id = ${slot(conversations.id, "conversation_id")})`,
  })}`,
);

/** Where a message goes: to the address that it names, in the spelling that was heard of last; otherwise to the first. */
export function addressFor(addresses: Address[], address_id: string | null): Address | undefined {
  if (address_id === null) return addresses[0];
  const named = addresses.find((address) => address.address_id === address_id);
  return named && (addresses.find((address) => address.last_inbound_at !== null && isSame(address, named)) ?? named);
}

/** Two spellings of one address. */
export const isSame = (one: Address, other: Address): boolean =>
  (one.spelling_of ?? one.address_id) === (other.spelling_of ?? other.address_id);

/** The address that was named, or else the first; refused where the contact has none. */
export function chosenAddress({ channel }: Channel, addresses: Address[], to: Identity | undefined): Address {
  const named = to && findAddress(addresses, to);
  const address = to ? named && addressFor(addresses, named.address_id) : addresses[0];
  if (!address) throw unreachable(channel);
  return address;
}

export const findAddress = (addresses: Address[], { kind, value }: Identity): Address | undefined =>
  addresses.find((address) => address.kind === kind && address.value === value);

/** Somebody new is addressed as on the channel itself, also where the sandbox stands in for it. */
export const unreachable = (channel: Channel["channel"]) =>
  new ApiError("recipient_unreachable", {
    detail: `The channel reaches a contact by ${providers[channel].reaches.join(" or ")}, and this one has none.`,
  });
