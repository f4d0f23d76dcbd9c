import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { idOf, uuidOf, type Id } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";
import { rfc3339 } from "../db/columns.ts";
import { claim, isFirst, revive, type Claim, type Queue, type Turn } from "../db/lease.ts";
import { statement } from "../db/statement.ts";
import type { EventName, StoredDeliveryStatus, Trigger } from "../webhooks/contract.ts";
import { openHeaders } from "../webhooks/endpoint-headers.ts";
import { secretPlace } from "../webhooks/secrets.ts";
import { events, webhook_deliveries, webhook_endpoints, webhook_secrets } from "../webhooks/tables.ts";

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

/** Leases deliveries whose time has come and reads what their attempts need. Once a walk is enough to look for whose time has come. */
export async function claimDeliveries(
  services: Services,
  turn: Turn,
  limits: Limits,
): Promise<{ deliveries: ClaimedDelivery[]; turn: Turn }> {
  const { db, now } = services;
  if (isFirst(turn)) await revive(db, deliveryQueue, now());
  const claimed = await claim(db, deliveryQueue, { now: now(), turn, ...limits });
  return { deliveries: await withDetails(services, claimed.claims), turn: claimed.turn };
}

interface Details {
  id: string;
  event_type: EventName;
  trigger: Trigger;
  resting_status: StoredDeliveryStatus | null;
  created_at: string;
  payload: string;
}

interface Endpoint {
  id: string;
  url: string;
  enabled: boolean;
  delivery_id_header: boolean;
  sealed_headers: string | null;
  sealed_secrets: string[];
}

/** What the attempts need besides the leases. A delivery that cannot be made now is left out, and waits for the end of its lease. */
export async function withDetails(services: Services, claims: readonly Claim[]): Promise<ClaimedDelivery[]> {
  if (claims.length === 0) return [];
  const [rows, endpoints] = await Promise.all([readDeliveries(services, claims), readEndpoints(services, claims)]);
  const details = new Map(rows.map((row) => [row.id, row]));
  return claims.flatMap((held) => {
    const row = details.get(held.uuid);
    const endpoint = endpoints.get(held.lane);
    if (!row || !endpoint) return [];
    // Field by field: spread into one, three objects cost more than the signature does.
    return {
      workspace_id: held.workspace_id,
      uuid: held.uuid,
      lane: held.lane,
      lease_id: held.lease_id,
      lease_until: held.lease_until,
      attempts: held.attempts,
      id: idOf("dlv", row.id),
      event_type: row.event_type,
      payload: row.payload,
      trigger: row.trigger,
      resting_status: row.resting_status,
      created_at: rfc3339(row.created_at),
      endpoint_id: endpoint.endpoint_id,
      url: endpoint.url,
      endpoint_enabled: endpoint.endpoint_enabled,
      delivery_id_header: endpoint.delivery_id_header,
      headers: endpoint.headers,
      secrets: endpoint.secrets,
    };
  });
}

/** One look-up by key for each: a plan that reads the whole table, which suits a small one, would stay when it has grown. */
function readDeliveries({ db }: Services, claims: readonly Claim[]): Promise<Details[]> {
  const claimed = JSON.stringify(claims.map(({ workspace_id, uuid }) => ({ workspace_id: uuidOf(workspace_id), id: uuid })));
  return readingDeliveries(db, { claimed });
}

const readingDeliveries = statement<Details>(
  () => sql`
    /* across tenants: claim */
    select detail.* from json_to_recordset(${sql.placeholder("claimed")}::text::json) as claimed(workspace_id uuid, id uuid) cross join lateral (
      select delivery.id, delivery.event_type, delivery.trigger, delivery.resting_status, delivery.created_at, event.payload
      from ${webhook_deliveries} as delivery
      join ${events} as event on event.workspace_id = delivery.workspace_id and event.id = delivery.event_id
      where delivery.workspace_id = claimed.workspace_id and delivery.id = claimed.id limit 1) as detail`,
);

type Destination = Pick<ClaimedDelivery, "endpoint_id" | "url" | "endpoint_enabled" | "delivery_id_header" | "headers" | "secrets">;

/** Where they go, by lane: read and opened once for all deliveries of an endpoint. */
async function readEndpoints(services: Services, claims: readonly Claim[]): Promise<Map<string, Destination>> {
  const { db, now } = services;
  const lanes = new Map(claims.map((held) => [held.lane, held.workspace_id]));
  const asked = JSON.stringify(Array.from(lanes, ([id, workspace_id]) => ({ workspace_id: uuidOf(workspace_id), id })));
  const rows = await readingEndpoints(db, { asked, now: now() });
  const opened = rows.flatMap((row): [string, Destination][] => {
    const sealed = openSealed(services, lanes.get(row.id)!, row);
    if (!sealed) return [];
    const { url, delivery_id_header } = row;
    return [[row.id, { ...sealed, endpoint_id: idOf("whe", row.id), url, endpoint_enabled: row.enabled, delivery_id_header }]];
  });
  return new Map(opened);
}

const readingEndpoints = statement<Endpoint>(
  () => sql`
    /* across tenants: claim */
    select endpoint.id, endpoint.url, endpoint.enabled, endpoint.delivery_id_header, endpoint.sealed_headers,
      array(select secret.sealed from ${webhook_secrets} as secret where secret.workspace_id = endpoint.workspace_id
            and (secret.expires_at is null or secret.expires_at > ${sql.placeholder("now")}::timestamptz) order by secret.version desc) as sealed_secrets
    from json_to_recordset(${sql.placeholder("asked")}::text::json) as asked(workspace_id uuid, id uuid)
    join ${webhook_endpoints} as endpoint on endpoint.workspace_id = asked.workspace_id and endpoint.id = asked.id`,
);

/** An endpoint whose seals do not open stops nobody else. */
function openSealed({ vault, log }: Services, workspace_id: Id<"ws">, { id, sealed_headers, sealed_secrets }: Endpoint) {
  try {
    return {
      headers: openHeaders(vault, workspace_id, sealed_headers),
      secrets: sealed_secrets.map((text) => vault.open("webhook_secrets", secretPlace(workspace_id), text)),
    };
  } catch (error) {
    log.error({ err: error, workspace_id, endpoint_id: idOf("whe", id) }, "a webhook secret cannot be opened");
    return undefined;
  }
}
