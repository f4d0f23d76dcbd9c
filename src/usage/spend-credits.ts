import { sql } from "drizzle-orm";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { query } from "../db/query.ts";
import { priced, writeEntries, type Charge, type Subject } from "./charge.ts";
import { describeBilling } from "./describe-billing.ts";

/**
 * Charges work of the AI, or refuses it where this month's credits do not pay for it; how much it costs. Nothing else is
 * refused for want of credits. The work pays before it begins: what takes long is done behind the commit.
 */
export async function spendCredits(ctx: TxCtx, subject: Subject, charges: Charge[]): Promise<number> {
  const { entries, credits } = priced(ctx, subject, charges);
  await takeTurn(ctx);
  const { remaining_credits, spent_credits, included_credits } = await describeBilling(ctx);
  if (remaining_credits <= 0 || remaining_credits < credits) {
    throw new ApiError("insufficient_credits", {
      detail: `Of this month's ${included_credits} credits ${spent_credits} are spent; this would cost ${credits}.`,
    });
  }
  await writeEntries(ctx.db, { entries });
  return credits;
}

/** One workspace's work of the AI is paid one after the other, each seeing what the one before has paid. Messages do not wait: they are never refused. */
async function takeTurn({ db, workspace_id }: TxCtx): Promise<void> {
  await query(db, sql`select pg_advisory_xact_lock(hashtextextended(${`${workspace_id} credits`}, 0))`);
}
