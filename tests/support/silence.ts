import { contact_addresses, contact_identities, contacts } from "../../src/contacts/tables.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Ctx } from "../../src/core/context.ts";
import type { Id } from "../../src/core/ids.ts";

/** So many open conversations, each with a contact of its own, silent since this moment. */
export async function leaveConversations(
  { ctx, channel_id }: { ctx: Ctx; channel_id: Id<"chan"> },
  count: number,
  said_at: string,
): Promise<Id<"conv">[]> {
  const { workspace_id } = ctx;
  const row = { workspace_id, created_at: said_at, updated_at: said_at };
  const ids = Array.from({ length: count }, () => ({ id: ctx.newId("conv"), contact_id: ctx.newId("cont") }));
  for (let at = 0; at < count; at += 1000) {
    const some = ids.slice(at, at + 1000);
    await ctx.db.insert(contacts).values(some.map(({ contact_id }) => ({ ...row, id: contact_id })));
    const heard = { workspace_id, channel_id, last_inbound_at: said_at };
    const known = some.map(({ contact_id }) => ({ contact_id, kind: "whatsapp_user" as const, value: contact_id }));
    await ctx.db.insert(contact_identities).values(known.map((identity) => ({ ...identity, workspace_id, created_at: said_at })));
    await ctx.db.insert(contact_addresses).values(known.map(({ kind, value }) => ({ ...heard, kind, value })));
    const about = { ...row, channel: "whatsapp" as const, channel_id, last_message_at: said_at };
    await ctx.db.insert(conversations).values(some.map((own) => ({ ...about, ...own })));
  }
  return ids.map(({ id }) => id);
}
