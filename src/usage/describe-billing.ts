import { sql } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Plan, PricedMetric } from "../core/pricing.ts";
import { query } from "../db/query.ts";
import { localMonth } from "../db/time-buckets.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { Billing } from "./contract.ts";
import { counted, markOf } from "./counted.ts";

/** How this month's credits stand. There is no balance to keep: it is what the plan includes less the sum of the ledger. */
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

/**
 * Refuses work of the AI that this month's credits do not pay for. Nothing else is refused for want of credits. Two who
 * ask at once may both pass: that costs less than a row that everybody waits for, and the ledger has both.
 */
export async function assertCredits(ctx: Ctx, metric: PricedMetric, quantity = 1): Promise<void> {
  const { remaining_credits, spent_credits, included_credits } = await describeBilling(ctx);
  const price = ctx.pricing.prices[metric] * quantity;
  if (remaining_credits > 0 && remaining_credits >= price) return;
  throw new ApiError("insufficient_credits", {
    detail: `Of this month's ${included_credits} credits ${spent_credits} are spent; this would cost ${price}.`,
  });
}
