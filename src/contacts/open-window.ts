import { sql, type SQL } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { contact_addresses, contact_identities } from "./tables.ts";

/**
 * The contact wrote: the window of this channel opens from there, for the address they wrote from. Late news never moves
 * it back. Comes back as it then is for the contact, who may have written from another one since.
 */
export async function openWindow(
  ctx: TxCtx,
  channel_id: Id<"chan">,
  contact_id: Id<"cont">,
  from: Identity[],
  at: Timestamp,
): Promise<Timestamp> {
  // One order for everybody, so that two callbacks about one person cannot wait for each other in a circle.
  const sorted = from.toSorted((a, b) => (a.kind + a.value < b.kind + b.value ? -1 : 1));
  const opened = await ctx.db
    .insert(contact_addresses)
    .values(sorted.map(({ kind, value }) => ({ workspace_id: ctx.workspace_id, kind, value, channel_id, last_inbound_at: at })))
    .onConflictDoUpdate({
      target: [contact_addresses.workspace_id, contact_addresses.kind, contact_addresses.value, contact_addresses.channel_id],
      set: { last_inbound_at: sql`greatest(${contact_addresses.last_inbound_at}, excluded.last_inbound_at)` },
    })
    .returning({
      own: contact_addresses.last_inbound_at,
      others: windowOf(ownOf(ctx, channel_id, contact_id)).mapWith(contact_addresses.last_inbound_at),
    });
  return opened.flatMap(({ own, others }) => [own, others ?? own]).reduce((latest, each) => (each > latest ? each : latest));
}

/** When the contact last wrote on the channel; null if never. */
export async function windowOpenedAt(ctx: Ctx, channel_id: Id<"chan">, contact_id: Id<"cont">): Promise<Timestamp | null> {
  const opened_at = windowOf(ownOf(ctx, channel_id, contact_id)).mapWith(contact_addresses.last_inbound_at);
  const [opened] = await ctx.db.select({ opened_at }).from(sql`(values (1)) as one`);
  return opened?.opened_at ?? null;
}

interface Whose {
  workspace_id: SQL;
  channel_id: SQL;
  contact_id: SQL;
  /** What a conversation was opened to by name. */
  chosen: SQL;
}

const ownOf = ({ workspace_id }: Ctx, channel_id: Id<"chan">, contact_id: Id<"cont">): Whose => ({
  workspace_id: sql`${sql.param(workspace_id, contact_addresses.workspace_id)}`,
  channel_id: sql`${sql.param(channel_id, contact_addresses.channel_id)}`,
  contact_id: sql`${sql.param(contact_id, contact_identities.contact_id)}`,
  chosen: sql`null::uuid`,
});

/** What a contact is known by, `known`, each with what it does on a channel, `heard`; first where they are to be written to. */
export const knownAndHeard = ({ workspace_id, channel_id, contact_id, chosen }: Whose): SQL => sql`
  from ${contact_identities} as known left join ${contact_addresses} as heard on heard.workspace_id = known.workspace_id
    and heard.kind = known.kind and heard.value = known.value and heard.channel_id = ${channel_id}
  where known.workspace_id = ${workspace_id} and known.contact_id = ${contact_id}
  order by known.address_id = ${chosen} desc nulls last, heard.last_inbound_at desc nulls last, known.kind, known.created_at, known.value`;

/** When the address opened the window to which the contact is to be written. */
export const windowOf = (whose: Whose): SQL<string | null> => sql`(select heard.last_inbound_at ${knownAndHeard(whose)} limit 1)`;
