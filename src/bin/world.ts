import { LastUsed } from "../api-keys/last-used.ts";
import { createApp } from "../app.ts";
import type { Config } from "../config.ts";
import type { Network, Services, Sleeper } from "../core/context.ts";
import { createNewId } from "../core/ids.ts";
import { systemClock, type Clock } from "../core/time.ts";
import { createVault, type Vault } from "../core/vault.ts";
import { createAnnouncer } from "../db/announce.ts";
import { connectEmbedded, connectPostgres, type Connection } from "../db/connect.ts";
import { lockDataDir } from "../db/data-dir.ts";
import { createPoster } from "../posting/post.ts";
import { createResolve } from "../posting/resolve.ts";
import { Streams } from "../widget/streams.ts";
import { createTally } from "../usage/tally.ts";
import { assertMasterKey } from "./assert-master-key.ts";
import { createLog } from "./log.ts";

/** Opens the configured database, brought up to date, and everything that works on it. */
export async function openWorld(config: Config, { now = systemClock }: { now?: Clock } = {}) {
  const log = createLog(config.log_level);
  const vault = createVault(config.master_keys);
  const { connection, release } = await openDatabase(config, vault);
  const announcer =
    connection.bus &&
    createAnnouncer(connection.bus, (err) => log.warn({ err }, "the other processes were not told that rows are waiting"));
  const streams = new Streams();
  let listener: (whom: Sleeper) => void = () => {};
  const wake = (whom: Sleeper): void => {
    listener(whom);
    streams.wake(whom);
  };
  const stopping = new AbortController();

  const network: Network = {
    fetch: globalThis.fetch,
    resolve: createResolve(),
    allow_private_webhooks: config.allow_private_webhooks,
    own_host: new URL(config.public_url).hostname,
  };
  const services: Services = {
    db: connection.db,
    now,
    newId: createNewId(now),
    vault,
    log,
    network,
    poster: createPoster(network, { proxy_url: config.webhook_proxy_url }),
    settings: {
      public_url: config.public_url,
      meta_graph_url: config.meta_graph_url,
      instagram_graph_url: config.instagram_graph_url,
      meta_graph_version: config.meta_graph_version,
      twilio_api_url: config.twilio_api_url,
    },
    pricing: config.pricing,
    tally: createTally({ db: connection.db, now, log }),
    wake(whom) {
      wake(whom);
      announcer?.announce(whom);
    },
  };
  const last_used = new LastUsed(services);

  return {
    services,
    log,
    app: createApp({
      services,
      last_used,
      streams,
      cron_secret: config.cron_secret,
      stopping: stopping.signal,
      ip_limit_per_minute: config.ip_limit_per_minute,
      trusted_proxies: config.trusted_proxies,
    }),
    /** Who else is to be told what there is to look at. */
    onWake: (other: (whom: Sleeper) => void) => void (listener = other),
    /** From now on it is told of the commits of other processes too. */
    hear: async (): Promise<void> => announcer?.hear(wake),
    /** Streams end. Work that a cron call has under way ends early: what it has begun is finished, the rest is given back. */
    stop() {
      stopping.abort();
      streams.stop();
    },
    /** Each step for itself: a database that is away keeps none of the others from being done. */
    async close() {
      const steps = [() => services.poster.close(), () => last_used.write(), () => services.tally.write(), () => connection.close()];
      for (const step of steps) await step().catch((err: unknown) => log.warn({ err }, "something was left undone at the end"));
      release();
    },
  };
}

async function openDatabase({ database }: Config, vault: Vault): Promise<{ connection: Connection; release: () => void }> {
  const release = database.kind === "embedded" ? lockDataDir(database.data_dir) : () => {};
  let connection: Connection | undefined;
  try {
    connection =
      database.kind === "embedded"
        ? await connectEmbedded({ folder: database.folder })
        : connectPostgres(database.url, { pool_size: database.pool_size });
    await connection.migrate();
    await assertMasterKey({ db: connection.db, vault });
    return { connection, release };
  } catch (error) {
    await connection?.close().catch(() => {});
    release();
    throw error;
  }
}
