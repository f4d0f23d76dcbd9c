import type postgres from "postgres";
import { isLossCode } from "../core/passing.ts";
import { Pool, type Purpose } from "./pool.ts";

// What the house asks of its driver beyond what the driver does by itself.

/** Many connections, as Drizzle asks for one client of them; `open` makes a client of one. */
export function pooled(size: number, open: () => postgres.Sql, silence_ms: Record<Purpose, number>) {
  const close = (client: postgres.Sql) => client.end({ timeout: closing_seconds });
  const pool = new Pool(size, { open, close, isLoss }, { silence_ms });
  const unsafe = (...statement: Statement) => asked((read) => pool.use("statement", (client) => read(prepared(client, statement))));
  const begin = (run: Run) => pool.use("transaction", (client, heard) => surviving({ heard }, (kept) => client.begin(kept), run));
  return { client: { options: { parsers: {}, serializers: {} }, unsafe, begin } as unknown as postgres.Sql, close: () => pool.close() };
}

/** How long what is under way may take to end. */
const closing_seconds = 5;

type Statement = Parameters<postgres.Sql["unsafe"]>;
type Rows = postgres.PendingQuery<postgres.Row[]>;
/** In which form a query's rows are wanted. */
type Read = (query: Rows) => PromiseLike<unknown>;

/** As a query of the driver is asked: awaited or, before anything else happens, for its values. */
function asked(run: (read: Read) => Promise<unknown>) {
  let read: Read = (query) => query;
  const rows = Promise.resolve().then(() => run(read));
  const values = () => {
    read = (query) => query.values();
    return rows;
  };
  return Object.assign(rows, { values });
}

/**
 * Drizzle asks this driver for unprepared statements, each of which costs a second round trip and a plan of its
 * own: for the front door's statement ten times the rest. The driver keeps prepared ones by their text.
 */
const prepared = (client: postgres.ISql, [text, parameters]: Statement): Rows => client.unsafe(text, parameters, { prepare: true });

/** A transaction, whose statements are prepared too. */
function within<T extends postgres.TransactionSql>(tx: T, fate: Fate): T {
  return new Proxy(tx, {
    get(target: T, name) {
      if (name === "unsafe")
        return (...statement: Statement) => {
          if (fate.loss !== undefined) return refused(fate.loss);
          // Who asks on has heard the answer before.
          fate.heard();
          return prepared(target, statement);
        };
      if (name === "savepoint") return (run: Run) => surviving(fate, (kept) => target.savepoint(kept), run);
      return Reflect.get(target, name) as unknown;
    },
  });
}

type Run = (tx: postgres.TransactionSql) => unknown;

/** What becomes of a transaction's connection. */
interface Fate {
  heard: () => void;
  /** Why it is gone. */
  loss?: unknown;
}

/**
 * The driver ends a transaction whose connection broke, and yet writes what follows, be it `rollback`, to the socket
 * that is gone, which ends the process (porsager/postgres#1208). So nothing follows: what `run` came to is kept from it.
 */
async function surviving(fate: Fate, open: (kept: Run) => Promise<unknown>, run: Run): Promise<unknown> {
  const kept = async (tx: postgres.TransactionSql): Promise<unknown> => {
    try {
      const result = await run(within(tx, fate));
      if (fate.loss === undefined) return result;
    } catch (error) {
      if (fate.loss === undefined && !isLoss(error)) throw error;
    }
    return new Promise(() => {});
  };
  try {
    return await open(kept);
  } catch (error) {
    if (isLoss(error)) fate.loss = error;
    throw error;
  }
}

const refused = (loss: unknown) => asked(() => Promise.reject(loss as Error));

/** The connection is gone, or the server has said, with a fatal error, that it is closing it. */
function isLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code = "", severity, cause } = error as Error & { code?: string; severity?: string };
  return isLossCode(code) || severity === "FATAL" || severity === "PANIC" || isLoss(cause);
}

const asText = (text: unknown) => text as string;

/**
 * What a client is told of types, by PostgreSQL's own numbers. Drizzle hands over what is text already: times stay as
 * PostgreSQL writes them, and JSON was written before. Of arrays there are those of integers and of text, each of one dimension.
 */
export const types = {
  times: { to: 1184, from: [1184, 1082, 1083, 1114, 1182, 1185, 1115, 1231], serialize: asText, parse: asText },
  json: { to: 114, from: [114], serialize: asText, parse: JSON.parse },
  jsonb: { to: 3802, from: [3802], serialize: asText, parse: JSON.parse },
  int4_array: arrayType(1007, Number),
  text_array: arrayType(1009, String),
};

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
