import type { ExtractTablesWithRelations } from "drizzle-orm";
import type { PgDatabase, PgQueryResultHKT, PgTransaction } from "drizzle-orm/pg-core";
import type { Id, NewId } from "./ids.ts";
import type { Poster } from "./poster.ts";
import type { FreeMetric, Pricing } from "./pricing.ts";
import type { Clock, Timestamp } from "./time.ts";
import type { Vault } from "./vault.ts";

type NoSchema = Record<string, never>;

/** One type over PGlite and postgres.js. */
export type Db = PgDatabase<PgQueryResultHKT, NoSchema>;
/** What a behaviour that writes is handed: it cannot be called outside a transaction. */
export type Tx = PgTransaction<PgQueryResultHKT, NoSchema, ExtractTablesWithRelations<NoSchema>>;

export const scopes = ["read", "write", "admin"] as const;
export type Scope = (typeof scopes)[number];

/** Who acts. The one place a key, a member of the team, a provider's callback and the service itself meet. */
export type Actor =
  | { type: "api_key"; id: Id<"key">; name: string; scopes: readonly Scope[] }
  | { type: "member"; id: Id<"mem">; name: string; scopes: readonly Scope[] }
  | { type: "provider"; id: Id<"chan">; name: string }
  | { type: "system"; id: null; name: string };

/** The kinds of background work. Each is rows that a cron route claims. */
export type Work = "messages" | "webhooks" | "jobs" | "templates";

/** Who may be woken: those who do a kind of work, or the open pages of one visitor of a website. */
export type Sleeper = Work | `visitor:${Id<"cont">}`;

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Everything by which the service reaches others; injected, so that a test needs no mock. */
export interface Network {
  /** Calls to providers, whose addresses are settings. */
  fetch: typeof fetch;
  /** Every A and AAAA record of a name. Empty when it has none; rejects when nobody answers. */
  resolve(hostname: string): Promise<string[]>;
  /** Webhooks may go to plain http and to loopback addresses: the laptop's mode. */
  allow_private_webhooks: boolean;
  /** The service's own public host, which is never a webhook's target. */
  own_host: string;
}

export interface Settings {
  /** Where the service is reached from outside, without a slash at the end. */
  public_url: string;
  meta_graph_url: string;
  instagram_graph_url: string;
  meta_graph_version: string;
  twilio_api_url: string;
}

/** Counts what costs nothing. Nobody waits for it: it is written down in batches. */
export interface Tally {
  note(metric: FreeMetric, of: { workspace_id: Id<"ws">; api_key_id?: Id<"key"> }, amount?: number): void;
  /** Writes down what was counted since the last time. */
  write(): Promise<void>;
}

/** What every behaviour may use, whoever asks. */
export interface Services {
  db: Db;
  now: Clock;
  newId: NewId;
  vault: Vault;
  log: Log;
  network: Network;
  poster: Poster;
  settings: Settings;
  pricing: Pricing;
  tally: Tally;
  /** There are rows to look at. Inside a transaction it takes effect at commit. */
  wake(whom: Sleeper): void;
}

/** A request that its client may repeat without its effect being repeated. */
export interface IdempotentRequest {
  key: string;
  method: string;
  /** The concrete path: the same key elsewhere is another request. */
  path: string;
  /** Set when the answer is one that was given before. */
  is_replayed: boolean;
}

/** The windows that bound how often one may ask, as a request found them. */
export interface Admission {
  windows: readonly { scope: "ip" | "key" | "tenant" | "member"; limit: number; remaining: number }[];
  reset_seconds: number;
  reset_at: Timestamp;
}

/** One request of one workspace. */
export interface Ctx extends Services {
  workspace_id: Id<"ws">;
  actor: Actor;
  request_id: Id<"req">;
  admission?: Admission | undefined;
  idempotency?: IdempotentRequest | undefined;
  /** The entity tags one of which the resource must still have (RFC 9110 §13.1.1). */
  if_match?: string | undefined;
}

export interface TxCtx extends Ctx {
  db: Tx;
}

export const systemCtx = (
  services: Services,
  workspace_id: Id<"ws">,
  actor: Actor = { type: "system", id: null, name: "Wassla" },
): Ctx => ({
  ...services,
  workspace_id,
  actor,
  request_id: services.newId("req"),
});
