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
}

const migrations = { migrationsFolder: fileURLToPath(new URL("../../drizzle", import.meta.url)) };
/** Any number will do, as long as every process asks for the same. */
const migration_lock = 7_460_226;
const bus_channel = "wassla";

/** No statement, no wait for a lock and no forgotten transaction may hold a connection for ever. */
const bounds_ms = { statement_timeout: 15_000, lock_timeout: 5_000, idle_in_transaction_session_timeout: 30_000 };

/** A PostgreSQL server. The session speaks UTC, so that both drivers hand over the same text of an instant. */
export function connectPostgres(url: string, { logger, pool_size = 10 }: ConnectOptions = {}): Connection {
  const open = (max: number, bounds: object = {}) =>
    postgres(url, {
      max,
      onnotice: () => {},
      connect_timeout: 10,
      // Left to itself the driver asks each new connection, and a break while it asks is caught by nobody: the process would end.
      fetch_types: false,
      types: array_types,
      connection: { TimeZone: "UTC", application_name: "wassla", ...bounds },
    });
  const client = open(pool_size, bounds_ms);
  // A connection of its own, opened when it is first used: an announcement waits for no query, and no query for it.
  const speaker = open(1, bounds_ms);

  return {
    db: overPostgres(preparing(client), logger ? { logger } : {}) as unknown as Db,
    async migrate() {
      // The lock belongs to a session, so the migration has a connection to itself. Drizzle's migrator takes none.
      const session = open(1);
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
      say: async (text) => void (await speaker.notify(bus_channel, text)),
      hear: async (listener) => void (await client.listen(bus_channel, listener)),
    },
    close: async () => void (await Promise.all([client.end({ timeout: 5 }), speaker.end({ timeout: 5 })])),
  };
}

/**
 * Drizzle asks this driver for unprepared statements, each of which costs a second round trip and a plan of its
 * own: for the front door's statement ten times the rest. The driver keeps prepared ones by their text.
 */
function preparing<T extends postgres.ISql>(client: T, fate: Fate = {}): T {
  return new Proxy(client, {
    get(target: T & Partial<Pick<postgres.TransactionSql, "savepoint">> & Partial<Pick<postgres.Sql, "begin">>, name) {
      if (name === "unsafe") {
        return (text: string, parameters?: never[]) =>
          fate.loss === undefined ? target.unsafe(text, parameters, { prepare: true }) : refused(fate.loss);
      }
      if (name === "begin") return (run: Run) => surviving({}, (within) => target.begin!(within), run);
      if (name === "savepoint") return (run: Run) => surviving(fate, (within) => target.savepoint!(within), run);
      return Reflect.get(target, name) as unknown;
    },
  });
}

type Run = (tx: postgres.TransactionSql) => unknown;

/** Why a transaction's connection is gone. */
interface Fate {
  loss?: unknown;
}

/**
 * The driver ends a transaction whose connection broke, and yet writes what follows, be it `rollback`, to the socket
 * that is gone, which ends the process (porsager/postgres#1208). So nothing follows: what `run` came to is kept from it.
 */
async function surviving(fate: Fate, open: (within: Run) => Promise<unknown>, run: Run): Promise<unknown> {
  const within = async (tx: postgres.TransactionSql): Promise<unknown> => {
    try {
      const result = await run(preparing(tx, fate));
      if (fate.loss === undefined) return result;
    } catch (error) {
      if (fate.loss === undefined && !isLoss(error)) throw error;
    }
    return new Promise(() => {});
  };
  try {
    return await open(within);
  } catch (error) {
    if (isLoss(error)) fate.loss = error;
    throw error;
  }
}

/** As a query of the driver would be: awaited, or asked for its values. */
function refused(loss: unknown) {
  const query = Promise.reject(loss as Error);
  return Object.assign(query, { values: () => query });
}

const loss_codes = new Set(["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "CONNECTION_ENDED", "ECONNRESET", "EPIPE", "ETIMEDOUT"]);

/** The connection is gone, or the server has said, with a fatal error, that it is closing it. */
function isLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code = "", severity, cause } = error as Error & { code?: string; severity?: string };
  return loss_codes.has(code) || severity === "FATAL" || severity === "PANIC" || isLoss(cause);
}

/** The arrays there are, by PostgreSQL's own numbers: of integers and of text, each of one dimension. */
const array_types = { int4_array: arrayType(1007, Number), text_array: arrayType(1009, String) };

function arrayType(oid: number, read: (item: string) => unknown) {
  const item = /"((?:[^"\\]|\\.)*)"|([^,{}"]+)/gs;
  const parse = (text: string) => {
    if (text === "{}") return [];
    // Without quotes there is nothing to undo; NULL is then the only word that is not what it says.
    if (!text.includes('"'))
      return text
        .slice(1, -1)
        .split(",")
        .map((bare) => (bare === "NULL" ? null : read(bare)));
    return Array.from(text.matchAll(item), ([, quoted, bare = ""]) => {
      if (quoted !== undefined) return read(quoted.replace(/\\(.)/gs, "$1"));
      return bare === "NULL" ? null : read(bare);
    });
  };
  return { to: oid, from: [oid], serialize: (items: unknown) => items, parse };
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
