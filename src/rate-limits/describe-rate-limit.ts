import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { RateLimit } from "./contract.ts";

/** The windows as the front door has just found them. Asking is free. */
export async function describeRateLimit({ admission }: Ctx): Promise<RateLimit> {
  if (!admission) throw new ApiError("not_found");
  const { windows, reset_at } = admission;
  return { object: "rate_limit", windows: windows.map((window) => ({ ...window, window_seconds: 60, reset_at })) };
}
