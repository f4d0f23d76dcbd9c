import { eq, sql, type SQL } from "drizzle-orm";
import type { ChoreOptions } from "../core/chore.ts";
import { systemCtx, type Services, type TxCtx } from "../core/context.ts";
import { idOf, type Id } from "../core/ids.ts";
import { after, epochMs, minutes, type Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { mine } from "../db/mine.ts";
import { query } from "../db/query.ts";
import { workspaces } from "../workspaces/tables.ts";
import { endConversations } from "./close-conversation.ts";
import { withSurroundings } from "./find-conversation.ts";
import { conversations } from "./tables.ts";

/** One transaction closes so many. Whoever writes in one of them meanwhile waits as long as that takes. */
const per_batch = 200;

/**
 * Closes the conversations in which nobody has said anything for as long as their workspace waits. A batch of each
 * workspace in turn, so that one with many keeps no other waiting.
 */
export async function closeInactive(services: Services, { budget_ms, signal }: ChoreOptions): Promise<{ closed: number }> {
  const until = epochMs(services.now()) + budget_ms;
  let closed = 0;
  let waiting = await withSilent(services);
  while (waiting.length > 0 && !signal?.aborted) {
    const more: Id<"ws">[] = [];
    for (const workspace_id of waiting) {
      if (signal?.aborted) break;
      const batch = await atomically(systemCtx(services, workspace_id), closeBatch);
      closed += batch;
      if (batch === per_batch) more.push(workspace_id);
      if (epochMs(services.now()) >= until) return { closed };
    }
    waiting = more;
  }
  return { closed };
}

/** Each workspace is asked of its index for one row. */
async function withSilent({ db, now }: Services): Promise<Id<"ws">[]> {
  const found = await query<{ id: string }>(
    db,
    sql`/* across tenants: claim */
      select w.id from ${workspaces} as w where w.inactivity_timeout_minutes is not null and exists (
        select 1 from ${conversations} as c where c.workspace_id = w.id and c.status = 'open' and c.channel <> 'twilio_voice'
        and greatest(c.last_message_at, c.resumed_at) <= ${now()}::timestamptz - make_interval(mins => w.inactivity_timeout_minutes))`,
  );
  return found.map(({ id }) => idOf("ws", id));
}

async function closeBatch(ctx: TxCtx): Promise<number> {
  // Held: when the setting is changed, nobody is closed by the old one any more.
  const [workspace] = await ctx.db
    .select({ timeout_minutes: workspaces.inactivity_timeout_minutes })
    .from(workspaces)
    .where(eq(workspaces.id, ctx.workspace_id))
    .for("share");
  const timeout_minutes = workspace?.timeout_minutes ?? null;
  if (timeout_minutes === null) return 0;
  // What somebody else has in hand is no longer silent, or closed by another process.
  const silent = await withSurroundings.where(
    ctx.db,
    sql`${silentSince(ctx, after(ctx.now(), -minutes(timeout_minutes)))} for update of ${conversations} skip locked`,
  );
  if (silent.length > 0) await endConversations(ctx, silent, { status: "timed_out", closed_by: "inactivity_timer" });
  return silent.length;
}

/** In the words of the index conversations_silent: with parameters in their place it could not be used. */
const silentSince = (ctx: Pick<TxCtx, "workspace_id">, at: Timestamp): SQL =>
  sql`${mine(ctx, conversations)} and ${conversations.status} = 'open' and ${conversations.channel} <> 'twilio_voice'
    and greatest(${conversations.last_message_at}, ${conversations.resumed_at}) <= ${at}::timestamptz
    order by greatest(${conversations.last_message_at}, ${conversations.resumed_at}), ${conversations.id} limit ${per_batch}::int`;
