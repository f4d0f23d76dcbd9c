import type { Window } from "./judge-windows.ts";

/** The windows as headers: draft-ietf-httpapi-ratelimit-headers-10 for all three, the older names for the key's. */
export function describeWindows(windows: readonly Window[], reset_seconds: number): Record<string, string> {
  const key = windows.find(({ scope }) => scope === "key");
  return {
    "RateLimit-Policy": windows.map(({ scope, limit }) => `"${scope}";q=${limit};w=60`).join(", "),
    RateLimit: windows.map(({ scope, remaining }) => `"${scope}";r=${remaining};t=${reset_seconds}`).join(", "),
    ...(key && {
      "X-RateLimit-Limit": String(key.limit),
      "X-RateLimit-Remaining": String(key.remaining),
      "X-RateLimit-Reset": String(reset_seconds),
    }),
  };
}
