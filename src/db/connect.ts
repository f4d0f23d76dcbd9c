import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import type { Logger } from "drizzle-orm";
import { drizzle as overPGlite } from "drizzle-orm/pglite";
import { migrate as migratePGlite } from "drizzle-orm/pglite/migrator";
import { drizzle as overPostgres } from "drizzle-orm/postgres-js";
import { migrate as migratePostgres } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import type { Db } from "../core/context.ts";
import { enableVector } from "./pgvector.ts";
import type { Purpose } from "./pool.ts";
import { pooled, types } from "./postgres-js.ts";

/** Between the processes of one database. What is said is kept for nobody: whoever was away finds the rows by itself. */
export interface Bus {
  say(text: string): Promise<void>;
  hear(listener: (text: string) => void): Promise<void>;
}

export interface Connection {
  db: Db;
  /** Undefined where no other process can be. */
  bus?: Bus;
  /** Brings the database to the newest migration; any number of processes may ask at once. */
  migrate(): Promise<void>;
  close(): Promise<void>;
}

interface ConnectOptions {
  logger?: Logger;
  pool_size?: number;
  silence_ms?: Record<Purpose, number>;
}

const migrations = { migrationsFolder: fileURLToPath(new URL("../../drizzle", import.meta.url)) };
/** Any number will do, as long as every process asks for the same. */
const migration_lock = 7_460_226;
const bus_channel = "wassla";

/** No statement, no wait for a lock and no forgotten transaction may hold a connection for ever. */
const bounds_ms = { statement_timeout: 15_000, lock_timeout: 5_000, idle_in_transaction_session_timeout: 30_000 };
/** A server that lives says something within these: a statement's end, in a transaction that and the commit's. */
const silence_ms = { statement: bounds_ms.statement_timeout + 5_000, transaction: 2 * bounds_ms.statement_timeout + 5_000 };

/** A PostgreSQL server. The session speaks UTC, so that both drivers hand over the same text of an instant. */
export function connectPostgres(url: string, { logger, pool_size = 10, ...options }: ConnectOptions = {}): Connection {
  const silences_ms = options.silence_ms ?? silence_ms;
  const open = (bounds: object = {}) =>
    postgres(url, {
      max: 1,
      onnotice: () => {},
      connect_timeout: 10,
      // Left to itself the driver asks each new connection, and a break while it asks is caught by nobody: the process would end.
      fetch_types: false,
      types,
      // After the database was away, it is looked for every second at least.
      backoff: (retries) => Math.min(retries / 10, 1),
      connection: { TimeZone: "UTC", application_name: "wassla", ...bounds },
    });
  const pool = pooled(pool_size, () => open(bounds_ms), silences_ms);
  // A connection of its own, opened when it is first used: an announcement waits for no query, and no query for it.
  const speaker = pooled(1, () => open(bounds_ms), silences_ms);
  const ear = open(bounds_ms);

  return {
    db: overPostgres(pool.client, logger ? { logger } : {}) as unknown as Db,
    async migrate() {
      // The lock belongs to a session, so the migration has a connection to itself. Drizzle's migrator takes none.
      const session = open();
      try {
        await session`select pg_advisory_lock(${migration_lock})`;
        const db = overPostgres(session);
        await enableVector(db as unknown as Db);
        await migratePostgres(db, migrations);
      } finally {
        await session.end({ timeout: 5 });
      }
    },
    bus: {
      say: async (text) => void (await speaker.client.unsafe("select pg_notify($1, $2)", [bus_channel, text])),
      hear: async (listener) => void (await ear.listen(bus_channel, listener)),
    },
    close: async () => void (await Promise.all([pool.close(), speaker.close(), ear.end({ timeout: 5 })])),
  };
}

/** PostgreSQL in this process: in a folder, in memory, or from a dump of either. */
export async function connectEmbedded(
  source: { folder?: string; dump?: Blob | File } = {},
  { logger }: ConnectOptions = {},
): Promise<Connection & { dump(): Promise<Blob | File> }> {
  const client = await PGlite.create({
    extensions: { vector },
    ...(source.folder !== undefined && { dataDir: source.folder }),
    ...(source.dump && { loadDataDir: source.dump }),
  }).catch((cause: unknown) => {
    throw unopened(source.folder, cause);
  });
  await client.exec("set time zone 'UTC'");
  const db = overPGlite(client, logger ? { logger } : {});

  return {
    db: db as unknown as Db,
    async migrate() {
      await enableVector(db as unknown as Db);
      await migratePGlite(db, migrations);
    },
    close: () => client.close(),
    dump: () => client.dumpDataDir("none"),
  };
}

/** What fails on its disk is told by a number alone, in an object that is no Error. */
function unopened(folder = "memory", cause: unknown): Error {
  const { message, errno } = cause as { message?: string; errno?: number };
  const reason = message || `its disk answered with error ${errno ?? "unknown"}`;
  return new Error(
    `The embedded database in ${folder} could not be opened: ${reason}. Make room on its disk and let this user write there, or set DATA_DIR to another folder.`,
    { cause },
  );
}
