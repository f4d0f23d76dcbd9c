import { and, eq, sql } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { metadata_keys_at_most } from "../core/fields.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { contacts } from "./tables.ts";

/** Keeps the address that a contact gives, where none is known and there is room: what the business wrote there itself stays. */
export async function keepEmail(ctx: TxCtx, contact_id: Id<"cont">, email: string): Promise<void> {
  await ctx.db
    .update(contacts)
    .set({ metadata: sql`jsonb_build_object('email', ${email}::text) || ${contacts.metadata}`, updated_at: ctx.now() })
    .where(
      and(
        mine(ctx, contacts),
        eq(contacts.id, contact_id),
        sql`not ${contacts.metadata} ? 'email'`,
        sql`(select count(*) from jsonb_object_keys(${contacts.metadata})) < ${metadata_keys_at_most}::int`,
      ),
    );
}
