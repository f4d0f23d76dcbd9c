import type { Ctx } from "../core/context.ts";
import { localDays } from "../db/time-buckets.ts";
import type { Period } from "../usage/counted.ts";
import { bounded } from "../usage/period.ts";
import { longest_days, type GetOverview, type Overview } from "./contract.ts";
import { figuresByChannel } from "./figures.ts";

/** How conversations fared in a period, of all channels and of each. */
export async function describeOverview(ctx: Ctx, input: GetOverview): Promise<Overview> {
  const period = await analysed(ctx, input, longest_days.overview);
  const { whole, channels } = await figuresByChannel(ctx, [period.from, period.to], input);
  return { object: "analytics_overview", ...period, ...whole, channels };
}

/** The period that was asked for; what was left open is that of the last thirty days. */
export async function analysed({ db, now }: Ctx, { from, to, timezone }: GetOverview, longest: number): Promise<Period> {
  const month = from === undefined || to === undefined ? await localDays(db, now(), timezone, 30) : { from, to };
  return bounded({ from, to }, month, longest);
}
