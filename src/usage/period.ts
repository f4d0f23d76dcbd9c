import type { Ctx } from "../core/context.ts";
import { invalid } from "../core/errors.ts";
import { epochMs, hours, msBetween, timestamp, type Timestamp } from "../core/time.ts";
import { localMonth } from "../db/time-buckets.ts";
import { longest_period_days, type GetUsage } from "./contract.ts";
import type { Period } from "./counted.ts";

/** The period that was asked for; what was left open is this month's. */
export async function periodOf({ db, now }: Ctx, { from, to, timezone }: GetUsage): Promise<Period> {
  const month = from === undefined || to === undefined ? await localMonth(db, now(), timezone) : { from, to };
  return bounded({ from, to }, month, longest_period_days);
}

/** What was given, and the usual where it was not. A clock that is changed adds an hour. */
export function bounded(given: { [end in keyof Period]: Timestamp | undefined }, usual: Period, longest_days: number): Period {
  const { from, to } = { from: normal(given.from ?? usual.from), to: normal(given.to ?? usual.to) };
  if (from >= to) {
    throw given.to === undefined
      ? invalid({ pointer: "/from", code: "too_large", detail: `from: Must be before \`to\`, which is ${to}.` })
      : invalid({ pointer: "/to", code: "too_small", detail: "to: Must be after `from`." });
  }
  if (msBetween(from, to) > hours(longest_days * 24 + 1)) {
    throw given.from === undefined
      ? invalid({ pointer: "/to", code: "too_large", detail: `to: Must be at most ${longest_days} days after \`from\`, which is ${from}.` })
      : invalid({ pointer: "/from", code: "too_small", detail: `from: Must be at most ${longest_days} days before \`to\`.` });
  }
  return { from, to };
}

/** Written alike, so that they can be compared; with its offset a moment may lie in a year that has five digits. */
const normal = (moment: Timestamp): Timestamp => timestamp(Math.min(Math.max(0, epochMs(moment)), last_ms));

const last_ms = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
