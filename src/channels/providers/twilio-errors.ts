import type { Meaning } from "./meta-errors.ts";

/** https://www.twilio.com/docs/api/errors, and, for the codes that nobody listed, `HTTP status`. */
const rows: readonly (Meaning & { from: readonly string[] })[] = [
  { code: "messaging_window_closed", retryable: false, from: ["63016"] },
  // 21220: the call that was to be spoken into is over.
  { code: "recipient_unreachable", retryable: false, from: ["21211", "21614", "30003", "30005", "30006", "21220"] },
  { code: "recipient_opted_out", retryable: false, from: ["21610"] },
  { code: "provider_rate_limited", retryable: true, from: ["20429", "HTTP 429"] },
  { code: "channel_auth_failed", retryable: false, from: ["20003", "HTTP 401"] },
  { code: "provider_invalid_request", retryable: false, from: ["21602"] },
];

const meanings = new Map<string, Meaning>(rows.flatMap(({ from, ...meaning }) => from.map((key) => [key, meaning])));

/** Twilio's code first; what nobody listed is a `provider_error`, and final. */
export function meaningOf(code: string | null, http_status: number | null): Meaning {
  const known = meanings.get(`${code}`) ?? meanings.get(`HTTP ${http_status}`);
  if (known) return known;
  return (http_status ?? 0) >= 500 ? { code: "provider_unavailable", retryable: true } : { code: "provider_error", retryable: false };
}
