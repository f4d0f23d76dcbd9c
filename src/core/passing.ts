/*
 * Faults of the database that pass, by the codes of PostgreSQL's Appendix A, of Node and of the driver. What met one
 * may be asked again a little later.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** The connection is gone: another one is needed. */
const losses = words("CONNECTION_CLOSED CONNECTION_DESTROYED CONNECTION_ENDED ECONNRESET EPIPE ETIMEDOUT 08003 08006");

/** None came to be: nobody is there, nobody answers, or nobody knows the name. */
const unreachable = words("CONNECT_TIMEOUT ECONNREFUSED EHOSTUNREACH EHOSTDOWN ENETUNREACH ENOTFOUND EAI_AGAIN 08000 08001 08004");

/** The server starts, stops or stands by, has no place left, or took too long. */
const refusals = words("25006 25P03 53000 53100 53200 53300 55P03 57014 57P01 57P02 57P03 57P05");

/** Two transactions stood in each other's way, and this one was undone: asked again, it will most likely have its turn. */
const conflicts = words("40001 40P01");

export const isLossCode = (code: string): boolean => losses.has(code);

export const isConflict = (error: unknown): boolean => hasCode(error, [conflicts]);
export const isPassing = (error: unknown): boolean => hasCode(error, [losses, unreachable, refusals, conflicts]);

/** Drizzle wraps what the driver says. */
function hasCode(error: unknown, lists: ReadonlySet<string>[]): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as Error & { code?: unknown };
    if (typeof code === "string" && lists.some((list) => list.has(code))) return true;
  }
  return false;
}
