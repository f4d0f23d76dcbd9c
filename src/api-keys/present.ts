import type { Timestamp } from "../core/time.ts";
import type { ApiKey } from "./contract.ts";
import type { api_keys } from "./tables.ts";

type Row = typeof api_keys.$inferSelect;

export const presentApiKey = (row: Row, now: Timestamp): ApiKey => ({ ...row, object: "api_key", status: statusOf(row, now) });

function statusOf({ revoked_at, expires_at }: Row, now: Timestamp): ApiKey["status"] {
  if (revoked_at !== null) return "revoked";
  return expires_at !== null && expires_at <= now ? "expired" : "active";
}
