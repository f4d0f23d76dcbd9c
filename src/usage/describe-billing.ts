import { sql } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Plan } from "../core/pricing.ts";
import { query } from "../db/query.ts";
import { localMonth } from "../db/time-buckets.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { Billing } from "./contract.ts";
import { counted, markOf } from "./counted.ts";

/** How this month's credits stand. Months are UTC's: a workspace that moves to another zone has none twice and none cut short. There is no balance to keep: it is what the plan includes less the sum of the ledger. */
export async function describeBilling(ctx: Ctx): Promise<Billing> {
  const month = await localMonth(ctx.db, ctx.now(), "UTC");
  const plan = await planOf(ctx);
  const included = ctx.pricing.plans[plan];
  const [row] = await query<{ spent: string; remaining: string }>(
    ctx.db,
    sql`select spent::text as spent, (${included}::numeric - spent)::text as remaining
      from (select coalesce(sum(credits), 0) as spent from (${counted(ctx, month, await markOf(ctx))}) as counted) as month`,
  );
  return {
    object: "billing",
    plan,
    ...month,
    included_credits: included,
    spent_credits: Number(row!.spent),
    remaining_credits: Number(row!.remaining),
  };
}

async function planOf({ db, workspace_id }: Ctx): Promise<Plan> {
  const [row] = await db
    .select({ plan: workspaces.plan })
    .from(workspaces)
    .where(sql`${workspaces.id} = ${sql.param(workspace_id, workspaces.id)}`);
  if (!row) throw new ApiError("not_found");
  return row.plan;
}
