import type postgres from "postgres";

// What the house asks of its driver beyond what the driver does by itself.

/**
 * Drizzle asks this driver for unprepared statements, each of which costs a second round trip and a plan of its
 * own: for the front door's statement ten times the rest. The driver keeps prepared ones by their text.
 */
export function preparing<T extends postgres.ISql>(client: T, fate: Fate = {}): T {
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
export const array_types = { int4_array: arrayType(1007, Number), text_array: arrayType(1009, String) };

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
