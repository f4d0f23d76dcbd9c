import { sql } from "drizzle-orm";
import type { Spelling } from "../channels/providers/provider.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { contact_identities, contacts } from "./tables.ts";

/**
 * A provider calls an address otherwise than we did, and will do so when its owner writes. The spelling is the contact's
 * too, unless somebody else is known by it, or the contact has given the address up or is being deleted meanwhile.
 */
export async function addSpelling({ db, workspace_id, now }: TxCtx, contact_id: Id<"cont">, { of, is }: Spelling): Promise<void> {
  await db.execute(sql`
    insert into ${contact_identities} as known (workspace_id, kind, value, contact_id, spelling_of, created_at)
    select sent.workspace_id, ${is.kind}, ${is.value}, sent.contact_id, coalesce(sent.spelling_of, sent.address_id), ${now()}
    from ${contact_identities} as sent join ${contacts} as person on person.workspace_id = sent.workspace_id and person.id = sent.contact_id
    where sent.workspace_id = ${sql.param(workspace_id, contact_identities.workspace_id)} and sent.kind = ${of.kind} and sent.value = ${of.value}
      and sent.contact_id = ${sql.param(contact_id, contact_identities.contact_id)} and person.deleted_at is null
    for key share of person
    on conflict (workspace_id, kind, value) do update set spelling_of = excluded.spelling_of where known.contact_id = excluded.contact_id`);
}
