import { sql, type SQL } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { handled_quarter_hours, ledger_entries, usage_marks, usage_quarter_hours } from "./tables.ts";

export interface Period {
  from: Timestamp;
  to: Timestamp;
}

/** How far the ledger is added up at this moment: what `counted` and `handled` are told. */
export async function markOf(ctx: Pick<Ctx, "db" | "workspace_id">): Promise<string> {
  const [mark] = await ctx.db.select().from(usage_marks).where(mine(ctx, usage_marks));
  return mark?.summed_through ?? "0";
}

/**
 * All that was counted in a period, which begins and ends with a quarter of an hour: what is added up, and what was
 * written since. One statement, so that both are of one state.
 */
export const counted = ({ workspace_id }: Pick<Ctx, "workspace_id">, { from, to }: Period, mark: string): SQL => {
  const whose = sql`workspace_id = ${sql.param(workspace_id, ledger_entries.workspace_id)}`;
  return sql`
    select starts_at, metric, channel, nullif(channel_id, ${nobody}) as channel_id, nullif(api_key_id, ${nobody}) as api_key_id, quantity, credits
    from ${usage_quarter_hours} where ${whose} and starts_at >= ${from}::timestamptz and starts_at < ${to}::timestamptz
    union all
    select date_bin('15 minutes', created_at, 'epoch'), metric, channel, channel_id, api_key_id, quantity, credits
    from ${ledger_entries} where ${whose} and ${isNotSummed(whose, mark)} and created_at >= ${from}::timestamptz and created_at < ${to}::timestamptz`;
};

/** The conversations in which something was said to the contact, by quarters of an hour; some of them twice. */
export const handled = ({ workspace_id }: Pick<Ctx, "workspace_id">, { from, to }: Period, mark: string): SQL => {
  const whose = sql`workspace_id = ${sql.param(workspace_id, ledger_entries.workspace_id)}`;
  return sql`
    select starts_at, conversation_id, channel, channel_id
    from ${handled_quarter_hours} where ${whose} and starts_at >= ${from}::timestamptz and starts_at < ${to}::timestamptz
    union all
    select date_bin('15 minutes', created_at, 'epoch'), conversation_id, channel, channel_id
    from ${ledger_entries} where ${whose} and ${isNotSummed(whose, mark)} and metric = 'messages_outbound' and conversation_id is not null
      and created_at >= ${from}::timestamptz and created_at < ${to}::timestamptz`;
};

/** Behind the mark as it is now. As it was a moment ago it only tells the planner how little that is: unknown, it takes it for a third. */
const isNotSummed = (whose: SQL, mark: string): SQL =>
  sql`xid > ${mark}::xid8 and xid > coalesce((select summed_through from ${usage_marks} where ${whose}), '0')`;
const nobody = sql`'00000000-0000-0000-0000-000000000000'::uuid`;
