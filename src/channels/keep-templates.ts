import { and, eq, sql } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { template_syncs, type channels } from "./tables.ts";

type Kept = Pick<typeof channels.$inferSelect, "id" | "template_account">;

/** A channel's templates are fetched from now on, beginning at once; or, without an account for them, no more. */
export async function keepTemplates(ctx: TxCtx, { id, template_account }: Kept): Promise<void> {
  if (template_account === null) {
    await ctx.db.delete(template_syncs).where(and(mine(ctx, template_syncs), eq(template_syncs.id, id)));
    return;
  }
  const now = ctx.now();
  await ctx.db
    .insert(template_syncs)
    .values({ workspace_id: ctx.workspace_id, id, status: "ready", due_at: now, updated_at: now })
    .onConflictDoNothing();
  await fetchTemplatesSoon(ctx, id);
}

/** What the provider holds is no longer what is known here. A fetch that is under way may have come too early for it. */
export async function fetchTemplatesSoon(ctx: TxCtx, channel_id: Id<"chan">): Promise<void> {
  await ctx.db
    .update(template_syncs)
    .set({
      status: sql`case when ${template_syncs.status} = 'syncing' then 'syncing' else 'ready' end`,
      due_at: ctx.now(),
      attempts: 0,
      wanted_at: sql`case when ${template_syncs.status} = 'syncing' then ${ctx.now()}::timestamptz end`,
      updated_at: ctx.now(),
    })
    .where(and(mine(ctx, template_syncs), eq(template_syncs.id, channel_id)));
  ctx.wake("templates");
}
