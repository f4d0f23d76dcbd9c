import { createHmac } from "node:crypto";
import { epochMs, type Timestamp } from "../core/time.ts";
import type { ClaimedDelivery } from "./claim-deliveries.ts";

/** Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, one signature for each secret that is live. */
export function signatureOf(secrets: readonly string[], id: string, timestamp: string, body: string): string {
  return secrets
    .map((secret) => `v1,${createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest("base64")}`)
    .join(" ");
}

/** The key is what the base64 behind `whsec_` stands for. */
const keyOf = (secret: string): Buffer => Buffer.from(secret.slice("whsec_".length), "base64");

/**
 * The request of one attempt. Id and body stay the same on every attempt; time and signature are its own. The
 * endpoint's headers stand under ours, however they are written.
 */
export function signedRequest(delivery: ClaimedDelivery, now: Timestamp) {
  const timestamp = String(Math.floor(epochMs(now) / 1000));
  const { id, payload, endpoint } = delivery;
  const ours: Record<string, string> = {
    "content-type": "application/json",
    "user-agent": "Wassla-Webhooks/1",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatureOf(endpoint.secrets, id, timestamp, payload),
    "wassla-event": delivery.event_type,
    "wassla-attempt": String(delivery.attempts + 1),
  };
  if (endpoint.delivery_id_header) ours["delivery_id"] = id;
  const has_own = Object.keys(endpoint.headers).length > 0;
  return { url: endpoint.url, body: payload, headers: has_own ? { ...inLowerCase(endpoint.headers), ...ours } : ours };
}

const inLowerCase = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
