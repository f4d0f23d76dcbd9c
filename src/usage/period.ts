import type { Ctx } from "../core/context.ts";
import { invalid } from "../core/errors.ts";
import { epochMs, hours, msBetween, timestamp, type Timestamp } from "../core/time.ts";
import { localMonth } from "../db/time-buckets.ts";
import { longest_period_days, type GetUsage } from "./contract.ts";
import type { Period } from "./counted.ts";

/** The period that was asked for; what was left open is this month's. */
export async function periodOf({ db, now }: Ctx, { from, to, timezone }: GetUsage): Promise<Period> {
  const month = from === undefined || to === undefined ? await localMonth(db, now(), timezone) : { from, to };
  return bounded({ from: from ?? month.from, to: to ?? month.to }, longest_period_days);
}

/** A clock that is changed adds an hour. */
export function bounded(given: Period, longest_days: number): Period {
  const { from, to } = { from: normal(given.from), to: normal(given.to) };
  if (from >= to) throw invalid({ pointer: "/to", code: "too_small", detail: "to: Must be after `from`." });
  if (msBetween(from, to) > hours(longest_days * 24 + 1)) {
    throw invalid({ pointer: "/from", code: "too_small", detail: `from: Must be at most ${longest_days} days before \`to\`.` });
  }
  return { from, to };
}

const normal = (moment: Timestamp): Timestamp => timestamp(epochMs(moment));
