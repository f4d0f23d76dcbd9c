import { onTestFinished } from "vitest";
import { createApp } from "../../src/app.ts";
import { LastUsed } from "../../src/api-keys/last-used.ts";
import { createApiKey } from "../../src/api-keys/create-api-key.ts";
import { newWorkspace } from "../../src/bin/new-workspace.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import { systemCtx, type Ctx, type Log, type Network, type Scope, type Services, type Sleeper } from "../../src/core/context.ts";
import { createNewId, type Id } from "../../src/core/ids.ts";
import { after, systemClock, type Timestamp } from "../../src/core/time.ts";
import { createVault } from "../../src/core/vault.ts";
import { atomically } from "../../src/db/atomically.ts";
import { pricing } from "../../src/core/pricing.ts";
import { createPoster } from "../../src/posting/post.ts";
import { Streams } from "../../src/widget/streams.ts";
import { createTally } from "../../src/usage/tally.ts";
import { database } from "./database.ts";
import { assertDocumented } from "./document.ts";
import { asService } from "./fence.ts";
import { keptLog, neverTell, neverTellWhatIsIn } from "./leaks.ts";
import { noteRefusalsOf } from "./refusals.ts";
import { roomInMinute } from "./windows.ts";

export const cron_secret = "a cron secret of at least 32 characters";
export const master_key = "a master key of at least thirty-two characters";

interface Options {
  network?: Partial<Network>;
  settings?: Partial<Services["settings"]>;
  db?: Services["db"];
  post_timeout_ms?: number;
  ip_limit_per_minute?: number;
  sign_in_limit_per_minute?: number;
  trusted_proxies?: string[];
  database_wait_ms?: number;
  streams?: ConstructorParameters<typeof Streams>[0];
}

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

interface Ask {
  method?: string;
  body?: unknown;
  key?: string | null;
  headers?: Record<string, string>;
}

type Request = <T = Record<string, unknown>>(path: string, ask?: Ask) => Promise<Answer<T>>;

/** The whole service around the worker's database, with a clock that is told what time it is. */
export async function createWorld(options: Options = {}) {
  const db = options.db ?? (await database()).db;
  let offset_ms = 0;
  const now = (): Timestamp => after(systemClock(), offset_ms);
  const logged: { level: string; fields: object; message: string }[] = [];
  const noting = (level: "warn" | "error") => (fields: object, message: string) => {
    logged.push({ level, fields, message });
    keptLog[level](fields, message);
  };
  const kept = (level: "debug" | "info") => (fields: object, message: string) => keptLog[level](fields, message);
  const log: Log = { debug: kept("debug"), info: kept("info"), warn: noting("warn"), error: noting("error") };
  const woken: Sleeper[] = [];
  const streams = new Streams(options.streams);

  const network: Network = {
    fetch,
    resolve: async () => [],
    allow_private_webhooks: true,
    own_host: "api.wassla.test",
    ...options.network,
  };
  const poster = createPoster(network, options.post_timeout_ms === undefined ? {} : { timeout_ms: options.post_timeout_ms });
  const services: Services = {
    db,
    now,
    newId: createNewId(now),
    vault: createVault([master_key]),
    log,
    network,
    poster,
    settings: {
      public_url: "https://api.wassla.test",
      meta_graph_url: "http://127.0.0.1:1",
      instagram_graph_url: "http://127.0.0.1:1",
      meta_graph_version: "v23.0",
      twilio_api_url: "http://127.0.0.1:1",
      ...options.settings,
    },
    pricing,
    tally: createTally({ db, now, log }),
    wake(whom) {
      woken.push(whom);
      streams.wake(whom);
    },
  };
  const { ip_limit_per_minute = 1_000_000, trusted_proxies = [], database_wait_ms = 5000 } = options;
  const last_used = new LastUsed(services);
  // The minute's window of 127.0.0.1 is everybody's: only who means to reach the limit of sign-ins sets one.
  const { sign_in_limit_per_minute = 1_000_000 } = options;
  const rules = { ip_limit_per_minute, sign_in_limit_per_minute, trusted_proxies, database_wait_ms };
  const app = createApp({ services, last_used, streams, cron_secret, ...rules });
  const answer = app.fetch;
  app.fetch = async (...request) => {
    const response = await answer(...request);
    await noteRefusalsOf(response);
    return response;
  };
  onTestFinished(() => {
    streams.stop();
    return poster.close();
  });

  /** A request through the front door; the answer must be one that the document knows. */
  const request: Request = async <T>(path: string, { method = "GET", body, key = null, headers = {} }: Ask = {}) => {
    neverTellWhatIsIn(body);
    const init = {
      method,
      headers: {
        ...(key !== null && { Authorization: `Bearer ${key}` }),
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    };
    const response = await asService(async () => app.request(path, init));
    const text = await response.text();
    const read = readAs(response.headers.get("content-type") ?? "", text);
    if (path.startsWith("/v1/")) assertDocumented(method, path, response, read);
    return { status: response.status, headers: response.headers, body: read as T };
  };

  const cron = async (job: string): Promise<Record<string, number>> => {
    const { status, body } = await request<Record<string, number>>(`/cron/${job}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${cron_secret}` },
    });
    if (status !== 200) throw new Error(`cron ${job} answered ${status}`);
    return body;
  };

  return {
    services,
    app,
    last_used,
    streams,
    request,
    logged,
    woken,
    now,
    advance: (ms: number) => void (offset_ms += ms),
    sendQueued: () => cron("messages"),
    deliver: () => cron("webhooks"),
    closeInactive: () => cron("inactivity"),
    syncTemplates: () => cron("templates"),
    workJobs: () => cron("jobs"),
    sweep: () => cron("sweep"),
    /** What making one wakes is nobody's concern. */
    tenant: async (scopes?: Scope[]) => {
      const before = woken.length;
      const tenant = await createTenant(services, request, scopes);
      woken.splice(before);
      return tenant;
    },
  };
}

/** Lines of JSON are a list of what they hold. */
function readAs(type: string, text: string): unknown {
  if (type.startsWith("application/x-ndjson"))
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  if (text === "") return null;
  return type.startsWith("text/xml") ? text : JSON.parse(text);
}

export type World = Awaited<ReturnType<typeof createWorld>>;

/** A workspace with a sandbox channel, and a voice that speaks with its key. */
async function createTenant(services: Services, request: Request, scopes: Scope[] = ["read", "write", "admin"]) {
  const { workspace_id, api_key, webhook_secret } = await newWorkspace(services, { name: "Test", scopes });
  const ctx: Ctx = systemCtx(services, workspace_id);
  const sandbox_token = services.newId("chan");
  neverTell(api_key, webhook_secret, sandbox_token);
  const { id: channel_id } = await atomically(ctx, (tx) =>
    createChannel(tx, {
      channel: "whatsapp",
      provider: "sandbox",
      name: "Sandbox",
      account_id: "sandbox",
      credentials: { token: sandbox_token },
    }),
  );

  return {
    ctx,
    workspace_id,
    api_key,
    webhook_secret,
    channel_id,
    sandbox_token,
    get: <T = Record<string, unknown>>(path: string, ask: Ask = {}) => request<T>(path, { key: api_key, ...ask }),
    post: <T = Record<string, unknown>>(path: string, body?: unknown, ask: Ask = {}) =>
      request<T>(path, { method: "POST", key: api_key, ...(body !== undefined && { body }), ...ask }),
    patch: <T = Record<string, unknown>>(path: string, body: unknown, ask: Ask = {}) =>
      request<T>(path, { method: "PATCH", key: api_key, body, ...ask }),
    delete: <T = Record<string, unknown>>(path: string) => request<T>(path, { method: "DELETE", key: api_key }),
    mint: async (given: { scopes?: Scope[]; rate_limit_per_minute?: number; expires_at?: Timestamp } = {}) => {
      // Whoever asks for a low limit means to reach it, within one minute of the database.
      if (given.rate_limit_per_minute !== undefined) await roomInMinute(services.db);
      return atomically(ctx, (tx) => createApiKey(tx, { name: "Another key", scopes: ["read", "write", "admin"], ...given }));
    },
    /** A customer writes on the sandbox channel; the conversation they write in. */
    async hears(text: string, { from = freshPhone(), name = "Sara", at }: { from?: string; name?: string; at?: Timestamp } = {}) {
      const { status } = await request(`/hooks/sandbox/${channel_id}`, {
        method: "POST",
        body: { from, name, text, id: `said-${services.newId("msg")}`, ...(at !== undefined && { at }) },
        headers: { "X-Sandbox-Token": sandbox_token },
      });
      if (status !== 200) throw new Error(`the hook answered ${status}`);
      const { body } = await request<{ data: { id: Id<"conv">; contact_id: Id<"cont"> }[] }>("/v1/conversations?limit=1", { key: api_key });
      return { ...body.data[0]!, from };
    },
    endpoint: async (url: string, given: object = {}) => {
      const { body } = await request<{ id: Id<"whe"> }>("/v1/webhook_endpoints", {
        method: "POST",
        key: api_key,
        body: { url, event_types: ["new_message", "conversation_end"], ...given },
      });
      return body;
    },
  };
}

export type Tenant = Awaited<ReturnType<typeof createTenant>>;

let phones = 0;
/** Ends in 1000 to 9999: the sandbox's magic numbers are below. */
const freshPhone = (): string => `+1555${String(process.pid).padStart(7, "0").slice(-5)}${1000 + (phones++ % 9000)}`;
