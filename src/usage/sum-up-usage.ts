import { sql } from "drizzle-orm";
import { systemCtx, type Services } from "../core/context.ts";
import { idOf, type Id } from "../core/ids.ts";
import { atomically } from "../db/atomically.ts";
import { query } from "../db/query.ts";
import { workspaces } from "../workspaces/tables.ts";
import { handled_quarter_hours, ledger_entries, usage_marks, usage_quarter_hours } from "./tables.ts";

const per_statement = 50_000;

/** Adds up what was charged since the last time, so that to ask for a month's usage reads a month's sums and not its rows. */
export async function sumUpUsage(services: Services): Promise<number> {
  const waiting = await query<{ id: string }>(
    services.db,
    sql`/* across tenants: sweep */
    select workspace.id from ${workspaces} as workspace left join ${usage_marks} as mark on mark.workspace_id = workspace.id
    where exists (select 1 from ${ledger_entries} as e where e.workspace_id = workspace.id
      and e.xid > coalesce(mark.summed_through, '0') and e.xid < pg_snapshot_xmin(pg_current_snapshot()))`,
  );
  let summed = 0;
  for (const { id } of waiting) summed += await sumUpWorkspace(services, idOf("ws", id));
  return summed;
}

async function sumUpWorkspace(services: Services, workspace_id: Id<"ws">): Promise<number> {
  let summed = 0;
  for (let taken = per_statement; taken >= per_statement; summed += taken) taken = await sumUpBatch(services, workspace_id);
  return summed;
}

/**
 * Whole transactions, and only of those before the oldest that still writes: what is committed late comes behind the
 * mark. The mark's row is held, so that nothing is added twice by two who add.
 */
function sumUpBatch(services: Services, workspace_id: Id<"ws">): Promise<number> {
  return atomically(systemCtx(services, workspace_id), async ({ db }) => {
    await db.insert(usage_marks).values({ workspace_id }).onConflictDoNothing();
    const [mark] = await db
      .select()
      .from(usage_marks)
      .where(sql`${usage_marks.workspace_id} = ${sql.param(workspace_id, usage_marks.workspace_id)}`)
      .for("update", { skipLocked: true });
    if (!mark) return 0;
    const whose = sql`workspace_id = ${sql.param(workspace_id, usage_marks.workspace_id)}`;
    const [result] = await query<{ taken: number }>(
      db,
      sql`with through as (
        select xid from (select xid from ${ledger_entries} where ${whose}
          and xid > ${mark.summed_through}::xid8 and xid < pg_snapshot_xmin(pg_current_snapshot())
          order by xid limit ${per_statement}::int) as batch
        order by xid desc limit 1
      ), taken as materialized (
        select e.*, date_bin('15 minutes', created_at, 'epoch') as starts_at from ${ledger_entries} as e
        where ${whose} and xid > ${mark.summed_through}::xid8 and xid <= (select xid from through)
      ), summed as (
        insert into ${usage_quarter_hours} as q (workspace_id, starts_at, metric, channel_id, api_key_id, channel, quantity, credits)
        select workspace_id, starts_at, metric, coalesce(channel_id, ${nobody}), coalesce(api_key_id, ${nobody}), min(channel), sum(quantity), sum(credits)
        from taken group by 1, 2, 3, 4, 5
        on conflict (workspace_id, starts_at, metric, channel_id, api_key_id) do update
        set quantity = q.quantity + excluded.quantity, credits = q.credits + excluded.credits
      ), handled as (
        insert into ${handled_quarter_hours} (workspace_id, starts_at, conversation_id, channel, channel_id)
        select distinct workspace_id, starts_at, conversation_id, channel, channel_id from taken
        where metric = 'messages_outbound' and conversation_id is not null
        on conflict do nothing
      ), marked as (
        update ${usage_marks} set summed_through = through.xid from through where ${whose}
      )
      select count(*)::int as taken from taken`,
    );
    return result!.taken;
  });
}

const nobody = sql`'00000000-0000-0000-0000-000000000000'::uuid`;
