import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { idOf, uuidOf, type Id } from "../core/ids.ts";
import { after, seconds, type Timestamp } from "../core/time.ts";
import { urlOf } from "../core/url.ts";
import { rfc3339 } from "../db/columns.ts";
import { claim, isFirst, revive, type Claim, type Limits, type Queue, type Turn } from "../db/lease.ts";
import { mine } from "../db/mine.ts";
import { query } from "../db/query.ts";
import { statement } from "../db/statement.ts";
import type { EventName, StoredDeliveryStatus, Trigger } from "../webhooks/contract.ts";
import { readHeaders } from "../webhooks/endpoint-headers.ts";
import { readSecrets } from "../webhooks/secrets.ts";
import { tendEndpoints } from "../webhooks/tend-endpoints.ts";
import { events, webhook_deliveries, webhook_endpoints, webhook_secrets } from "../webhooks/tables.ts";

/** What a claim tells of a delivery besides its lease. */
interface Told {
  event_type: EventName;
  payload: string;
  trigger: Trigger;
  resting_status: StoredDeliveryStatus | null;
  term: number;
  hurried_from: Timestamp | null;
  extra_attempts: number;
  created_at: Timestamp;
}

/** A worker that died may have posted; at least once means that the delivery is simply made again. */
export const deliveryQueue: Queue<Told> = {
  table: webhook_deliveries,
  lane: webhook_deliveries.endpoint_id,
  words: { ready: "ready", waiting: "scheduled", leased: "delivering", abandoned: "ready" },
  keeps_half_for_first: true,
  tells: {
    columns: sql`w.event_type, w.trigger, w.resting_status, w.term, w.hurried_from, w.extra_attempts, w.created_at, event.payload`,
    // One look-up by key for each: a plan that reads the whole table, which suits a small one, would stay when it has grown.
    beside: sql`cross join lateral (
      select e.payload from ${events} as e where e.workspace_id = w.workspace_id and e.id = w.event_id limit 1) as event`,
  },
};

/** Everything an attempt needs. */
export interface ClaimedDelivery extends Claim, Told {
  id: Id<"dlv">;
  endpoint: Destination;
  /** Begun later, an attempt and its settlement might not end within the lease. */
  begin_by: Timestamp;
}

/** Where the deliveries of a lane go. */
export interface Destination {
  id: Id<"whe">;
  url: string;
  origin: string;
  /** A delivery of an earlier one was canceled when the endpoint went out of service. */
  term: number;
  delivery_id_header: boolean;
  /** The receiver's own, which stand under ours. */
  headers: Record<string, string>;
  secrets: string[];
  /** Where a seal of ours did not open no request can be made, and no receiver is to blame. */
  is_readable: boolean;
  /** When this was read, on the process's own clock. */
  read_ms: number;
}

/** Leases deliveries whose time has come and reads what their attempts need. Once a walk is enough to look for whose time has come, and what endpoints have left to do. */
export async function claimDeliveries(
  services: Services,
  turn: Turn,
  limits: Limits,
): Promise<{ deliveries: ClaimedDelivery[]; turn: Turn; tends: boolean }> {
  const { db, now } = services;
  const [tends] = isFirst(turn) ? await Promise.all([tendEndpoints(services), revive(db, deliveryQueue, now())]) : [false];
  const claimed = await claim(db, deliveryQueue, { now: now(), turn, ...limits });
  return { deliveries: await withEndpoints(services, claimed.claims), turn: claimed.turn, tends };
}

/** The same of one that somebody has leased already. */
export async function readClaimed(services: Services, held: Claim): Promise<ClaimedDelivery | undefined> {
  const { columns, beside } = deliveryQueue.tells!;
  const row = sql`select * from ${webhook_deliveries} where ${mine(held, webhook_deliveries)} and id = ${held.uuid}::uuid`;
  const [told] = await query<Told>(services.db, sql`select ${columns} from (${row}) as w ${beside}`);
  const [delivery] = told ? await withEndpoints(services, [{ ...held, ...told }]) : [];
  return delivery;
}

/** Room for one post (10 s in all) and its settlement. */
const post_room_ms = seconds(15);

/** Of what one claim took. */
async function withEndpoints(services: Services, claims: readonly (Claim & Told)[]): Promise<ClaimedDelivery[]> {
  const [first] = claims;
  if (!first) return [];
  const endpoints = await readDestinations(services, claims);
  const begin_by = after(first.lease_until, -post_room_ms);
  return claims.map((held) =>
    Object.assign(held, {
      id: idOf("dlv", held.uuid),
      endpoint: endpoints.get(held.lane)!,
      begin_by,
      hurried_from: held.hurried_from && rfc3339(held.hurried_from),
      created_at: rfc3339(held.created_at),
    }),
  );
}

interface EndpointRow {
  id: string;
  url: string;
  term: number;
  delivery_id_header: boolean;
  sealed_headers: string | null;
  sealed_secrets: string[];
}

/** Where they go, by lane: read and opened once for all deliveries of an endpoint. */
export async function readDestinations(
  services: Services,
  held: readonly Pick<Claim, "lane" | "workspace_id">[],
): Promise<Map<string, Destination>> {
  const { db, now } = services;
  const read_ms = performance.now();
  const lanes = new Map(held.map(({ lane, workspace_id }) => [lane, workspace_id]));
  const asked = JSON.stringify(Array.from(lanes, ([id, workspace_id]) => ({ workspace_id: uuidOf(workspace_id), id })));
  const rows = await readingEndpoints(db, { asked, now: now() });
  const read = rows.map((row): [string, Destination] => {
    const { url, term, delivery_id_header } = row;
    const origin = urlOf(url)?.origin ?? url;
    const opened = openSealed(services, lanes.get(row.id)!, row);
    return [row.id, { id: idOf("whe", row.id), url, origin, term, delivery_id_header, ...opened, read_ms }];
  });
  return new Map(read);
}

const readingEndpoints = statement<EndpointRow>(
  () => sql`
    /* across tenants: claim */
    select endpoint.id, endpoint.url, endpoint.term, endpoint.delivery_id_header, endpoint.sealed_headers,
      array(select secret.sealed from ${webhook_secrets} as secret where secret.workspace_id = endpoint.workspace_id
            and (secret.expires_at is null or secret.expires_at > ${sql.placeholder("now")}::timestamptz) order by secret.version desc) as sealed_secrets
    from json_to_recordset(${sql.placeholder("asked")}::text::json) as asked(workspace_id uuid, id uuid)
    join ${webhook_endpoints} as endpoint on endpoint.workspace_id = asked.workspace_id and endpoint.id = asked.id`,
);

/** An endpoint whose seals do not open stops nobody else: what goes there fails, and says why. */
function openSealed(services: Services, workspace_id: Id<"ws">, { id, sealed_headers, sealed_secrets }: EndpointRow) {
  const headers = readHeaders(services, { workspace_id, id: idOf("whe", id), sealed_headers });
  const secrets = readSecrets(services, workspace_id, sealed_secrets);
  return { headers: headers ?? {}, secrets: secrets ?? [], is_readable: headers !== null && secrets !== null };
}
