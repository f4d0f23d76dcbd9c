import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { idOf, uuidOf, type Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { rfc3339 } from "../db/columns.ts";
import { claim, revive, type Claim, type Queue, type Turn } from "../db/lease.ts";
import { query } from "../db/query.ts";
import type { EventName, StoredDeliveryStatus, Trigger } from "./contract.ts";
import { openHeaders } from "./endpoint-headers.ts";
import { secretPlace } from "./secrets.ts";
import { events, webhook_deliveries, webhook_endpoints, webhook_secrets } from "./tables.ts";

/** A worker that died may have posted; at least once means that the delivery is simply made again. */
export const deliveryQueue: Queue = {
  table: webhook_deliveries,
  lane: webhook_deliveries.endpoint_id,
  words: { ready: "ready", waiting: "scheduled", leased: "delivering", abandoned: "ready" },
  keeps_half_for_first: true,
};

/** Everything an attempt needs. */
export interface ClaimedDelivery extends Claim {
  id: Id<"dlv">;
  endpoint_id: Id<"whe">;
  event_type: EventName;
  payload: string;
  url: string;
  /** False when the endpoint was disabled or deleted after the delivery had been written. */
  endpoint_enabled: boolean;
  delivery_id_header: boolean;
  /** The receiver's own, which stand under ours. */
  headers: Record<string, string>;
  secrets: string[];
  trigger: Trigger;
  resting_status: StoredDeliveryStatus | null;
  created_at: Timestamp;
}

interface Limits {
  lanes: number;
  in_flight_per_lane: number;
  limit: number;
}

/** Leases deliveries whose time has come and reads what their attempts need. */
export async function claimDeliveries(
  services: Services,
  turn: Turn,
  limits: Limits,
): Promise<{ deliveries: ClaimedDelivery[]; turn: Turn }> {
  const { db, now } = services;
  await revive(db, deliveryQueue, now());
  const claimed = await claim(db, deliveryQueue, { now: now(), turn, ...limits });
  return { deliveries: await withDetails(services, claimed.claims), turn: claimed.turn };
}

type Details = Pick<
  ClaimedDelivery,
  "event_type" | "payload" | "url" | "endpoint_enabled" | "delivery_id_header" | "trigger" | "resting_status"
> & {
  id: string;
  endpoint_id: string;
  created_at: string;
  sealed_headers: string | null;
  sealed_secrets: string[];
};

/** What the attempts need besides the leases. A delivery that cannot be made now is left out, and waits for the end of its lease. */
export async function withDetails(services: Services, claims: readonly Claim[]): Promise<ClaimedDelivery[]> {
  const { db, now } = services;
  if (claims.length === 0) return [];
  const claimed = JSON.stringify(claims.map(({ workspace_id, uuid }) => ({ workspace_id: uuidOf(workspace_id), id: uuid })));
  const rows = await query<Details>(
    db,
    sql`
    /* across tenants: claim */
    select delivery.id, delivery.endpoint_id, delivery.event_type, delivery.trigger, delivery.resting_status, delivery.created_at,
      event.payload, endpoint.url, endpoint.enabled as endpoint_enabled, endpoint.delivery_id_header, endpoint.sealed_headers,
      array(select secret.sealed from ${webhook_secrets} as secret where secret.workspace_id = delivery.workspace_id
            and (secret.expires_at is null or secret.expires_at > ${now()}::timestamptz) order by secret.version desc) as sealed_secrets
    from json_to_recordset(${claimed}::text::json) as claimed(workspace_id uuid, id uuid)
    join ${webhook_deliveries} as delivery on delivery.workspace_id = claimed.workspace_id and delivery.id = claimed.id
    join ${events} as event on event.workspace_id = delivery.workspace_id and event.id = delivery.event_id
    join ${webhook_endpoints} as endpoint on endpoint.workspace_id = delivery.workspace_id and endpoint.id = delivery.endpoint_id`,
  );
  const details = new Map(rows.map((row) => [row.id, row]));
  const openSealed = opener(services);
  return claims.flatMap((held) => {
    const row = details.get(held.uuid);
    const opened = row && openSealed(held, row);
    if (!opened) return [];
    const { sealed_headers: _, sealed_secrets: __, ...rest } = row;
    return {
      ...held,
      ...rest,
      ...opened,
      id: idOf("dlv", row.id),
      endpoint_id: idOf("whe", row.endpoint_id),
      created_at: rfc3339(row.created_at),
    };
  });
}

type Opened = Pick<ClaimedDelivery, "headers" | "secrets">;

/** Opens what is sealed once for all deliveries of an endpoint. One whose seals do not open stops nobody else. */
function opener({ vault, log }: Services) {
  const opened = new Map<string, Opened | undefined>();

  const open = ({ workspace_id, lane }: Claim, { sealed_headers, sealed_secrets }: Details): Opened | undefined => {
    try {
      return {
        headers: openHeaders(vault, workspace_id, sealed_headers),
        secrets: sealed_secrets.map((text) => vault.open("webhook_secrets", secretPlace(workspace_id), text)),
      };
    } catch (error) {
      log.error({ err: error, workspace_id, endpoint_id: idOf("whe", lane) }, "a webhook secret cannot be opened");
      return undefined;
    }
  };
  return (held: Claim, row: Details): Opened | undefined => {
    if (!opened.has(held.lane)) opened.set(held.lane, open(held, row));
    return opened.get(held.lane);
  };
}
