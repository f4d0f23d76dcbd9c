import { pino, type Logger, type LoggerOptions } from "pino";

/** What never stands in a log, wherever it is nested. */
const secrets = ["authorization", "token", "secret", "access_token", "app_secret", "verify_token", "api_key", "cookie"];

/** One JSON line for each thing worth telling, with the ids to find it by, and without what must not be told. */
export const createLog = (level: LoggerOptions["level"] & string, destination?: { write(line: string): void }): Logger =>
  pino(
    {
      level,
      redact: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      serializers: { err: describeError },
    },
    ...(destination ? [destination] : []),
  );

const a_statement_failed = "a statement failed";

interface Described {
  message: string;
  type?: string;
  code?: unknown;
  stack?: string;
  cause?: Described;
}

/** Drizzle's errors carry the statement and what was bound to it: a customer's words. The database's own reason is enough, without the words it quotes. */
function describeError(error: unknown): Described {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  const is_query = "query" in error && "params" in error;
  return {
    type: error.name,
    message: is_query ? a_statement_failed : isDataException(code) ? error.message.replace(/".*"/s, "…") : error.message,
    ...(code !== undefined && { code }),
    stack: (error.stack ?? "")
      .split("\n")
      .filter((line) => /^\s+at /.test(line))
      .join("\n"),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}

/** The same for a shell: what went wrong and, of a statement, why. Who is refused at several addresses is told so without a message. */
export function inOneLine(error: unknown): string {
  const { message, code } = describeError(error);
  if (error instanceof Error && message === a_statement_failed) return `${message}: ${inOneLine(error.cause)}`;
  return message || String(code);
}

/** PostgreSQL's class 22 complains of values, and quotes them. */
const isDataException = (code: unknown): boolean => typeof code === "string" && /^22[0-9A-Z]{3}$/.test(code);
