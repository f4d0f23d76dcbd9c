import { sql } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { TxCtx } from "../core/context.ts";
import { contact_addresses } from "./tables.ts";

/**
 * A person is known by another name: the windows they opened stay open, and what they asked for holds there too. That a
 * number wants no messages is also kept of the number that was given up.
 */
export async function moveAddress({ db, workspace_id }: TxCtx, previous: Identity, successor: Identity): Promise<void> {
  const place = sql`workspace_id = ${sql.param(workspace_id, contact_addresses.workspace_id)}
    and kind = ${previous.kind} and value = ${previous.value}`;
  await db.execute(sql`with moved as (
    insert into ${contact_addresses} as known (workspace_id, kind, value, channel_id, last_inbound_at, opted_out_at)
    select workspace_id, ${successor.kind}, ${successor.value}, channel_id, last_inbound_at, opted_out_at from ${contact_addresses} where ${place}
    on conflict (workspace_id, kind, value, channel_id) do update
      set last_inbound_at = greatest(known.last_inbound_at, excluded.last_inbound_at),
        opted_out_at = coalesce(known.opted_out_at, excluded.opted_out_at))
    delete from ${contact_addresses} where ${place} and opted_out_at is null`);
}
