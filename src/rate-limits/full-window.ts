import { ApiError } from "../core/errors.ts";
import { after, seconds, type Timestamp } from "../core/time.ts";
import { rfc3339 } from "../db/columns.ts";
import type { Window } from "./judge-windows.ts";
import { describeWindows } from "./describe-windows.ts";
import type { WindowName } from "./window-sql.ts";

/** Whose each window is. */
const whose = {
  ip: "address",
  key: "API key",
  tenant: "workspace",
  member: "member",
  visitor: "visitor",
  sign_in: "sign-in",
} as const satisfies Record<WindowName, string>;

interface FullWindow {
  scope: WindowName;
  limit: number;
  reset_seconds: number;
  reset_at: Timestamp;
  /** What all windows of whoever asks hold; none where whoever asks is nobody. */
  windows?: readonly Window[];
}

/** The refusal of a request for which its window has no room. */
export const fullWindow = ({ scope, limit, reset_seconds, reset_at, windows = [] }: FullWindow): ApiError =>
  new ApiError("too_many_requests", {
    detail: `The window of this ${whose[scope]} is full: ${limit} requests a minute.`,
    members: { limit: { scope, limit, window_seconds: 60, reset_at } },
    headers: { ...(windows.length > 0 && describeWindows(windows, reset_seconds)), "Retry-After": String(reset_seconds) },
  });

/** When a window is over, by its beginning as the database wrote it. */
export const resetAt = (window_start: string): Timestamp => after(rfc3339(window_start), seconds(60));
