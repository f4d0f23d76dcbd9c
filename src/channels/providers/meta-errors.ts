import type { SendErrorCode } from "../contract.ts";

/** What a refusal by Meta means here. `retryable`: Meta says that nothing was done, and that later it may be. */
export interface Meaning {
  code: SendErrorCode;
  retryable: boolean;
}

interface Row extends Meaning {
  /** `code`, `code/subcode`, or, for the codes that nobody listed, `HTTP status`. */
  from: readonly string[];
}

/** https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes and the Graph API's own list. */
const rows: readonly Row[] = [
  { code: "messaging_window_closed", retryable: false, from: ["131047", "10/2018278", "10/2534022"] },
  { code: "recipient_unreachable", retryable: false, from: ["131026", "131062", "100/2018001", "551"] },
  { code: "recipient_opted_out", retryable: false, from: ["131050"] },
  { code: "template_not_found", retryable: false, from: ["132001"] },
  { code: "template_not_approved", retryable: false, from: ["132015", "132016"] },
  { code: "template_params_invalid", retryable: false, from: ["132000", "132005", "132008", "132012"] },
  { code: "provider_rate_limited", retryable: true, from: ["4", "80007", "130429", "131056", "613", "HTTP 429"] },
  { code: "channel_auth_failed", retryable: false, from: ["190", "HTTP 401"] },
  { code: "channel_permission_denied", retryable: false, from: ["3", "10", ...range(200, 299)] },
  { code: "channel_blocked", retryable: false, from: ["368", "131031"] },
  { code: "provider_invalid_request", retryable: false, from: ["100", "131008", "131009", "131051"] },
  {
    code: "provider_unavailable",
    retryable: true,
    from: ["1", "2", "131000", "131016", ...range(500, 599).map((status) => `HTTP ${status}`)],
  },
];

const meanings = new Map<string, Meaning>(rows.flatMap(({ from, ...meaning }) => from.map((key) => [key, meaning])));

/** Reads Meta's code, the more exact first; what nobody listed is a `provider_error`, and final. */
export function meaningOf(code: string | null, subcode: string | null, http_status: number | null): Meaning {
  return (
    meanings.get(`${code}/${subcode}`) ??
    meanings.get(`${code}`) ??
    meanings.get(`HTTP ${http_status}`) ?? { code: "provider_error", retryable: false }
  );
}

function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
}
