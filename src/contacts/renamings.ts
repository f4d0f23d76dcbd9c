import { and, eq, gte, lte, or, sql } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import { told_again_days } from "../channels/sweep-provider-events.ts";
import type { Services, TxCtx } from "../core/context.ts";
import { after, hours, type Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { query } from "../db/query.ts";
import { contact_renamings } from "./tables.ts";

const per_statement = 500;

export interface Renaming {
  kind: Identity["kind"];
  previous: string;
  current: string;
}

/** Who was called so at a moment, as they are called by now. */
export async function calledSince(ctx: TxCtx, identities: Identity[], at: Timestamp): Promise<Identity[]> {
  const named = identities
    .filter(({ kind }) => kind === "phone" || kind === "whatsapp_user")
    .map(({ kind, value }) => and(eq(contact_renamings.kind, kind), eq(contact_renamings.previous, value)));
  if (named.length === 0) return identities;
  const { kind, previous, current, renamed_at } = contact_renamings;
  const renamed = await ctx.db
    .selectDistinctOn([kind, previous], { kind, previous, current })
    .from(contact_renamings)
    .where(and(mine(ctx, contact_renamings), or(...named), gte(renamed_at, at)))
    .orderBy(kind, previous, renamed_at);
  return identities.map((identity) => {
    const since = renamed.find((row) => row.kind === identity.kind && row.previous === identity.value);
    return since ? { kind: identity.kind, value: since.current } : identity;
  });
}

/** What led to the previous name leads to the one they have by now. */
export async function keepRenaming(ctx: TxCtx, { kind, previous, current }: Renaming, renamed_at: Timestamp): Promise<void> {
  await ctx.db
    .update(contact_renamings)
    .set({ current })
    .where(
      and(
        mine(ctx, contact_renamings),
        eq(contact_renamings.kind, kind),
        eq(contact_renamings.current, previous),
        lte(contact_renamings.renamed_at, renamed_at),
      ),
    );
  await ctx.db
    .insert(contact_renamings)
    .values({ workspace_id: ctx.workspace_id, kind, previous, renamed_at, current })
    .onConflictDoNothing();
}

/** All that leads to an identity, or away from it. */
export async function forgetRenamings(ctx: TxCtx, { kind, value }: Identity): Promise<void> {
  const about = or(eq(contact_renamings.previous, value), eq(contact_renamings.current, value));
  await ctx.db.delete(contact_renamings).where(and(mine(ctx, contact_renamings), eq(contact_renamings.kind, kind), about));
}

/** What is told later than any provider tells. */
export async function sweepRenamings({ db, now }: Services): Promise<number> {
  let swept = 0;
  for (let gone = per_statement; gone === per_statement; swept += gone)
    gone = (
      await query(
        db,
        sql`/* across tenants: sweep */
          delete from ${contact_renamings} where (workspace_id, kind, previous, renamed_at) in (
            select workspace_id, kind, previous, renamed_at from ${contact_renamings}
            where renamed_at < ${after(now(), -hours(24 * told_again_days))}::timestamptz limit ${per_statement}::int) returning 1`,
      )
    ).length;
  return swept;
}
