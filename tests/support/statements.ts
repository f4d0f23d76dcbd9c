import { openAsBlob } from "node:fs";
import { inject, onTestFinished } from "vitest";
import { connectEmbedded, connectPostgres } from "../../src/db/connect.ts";
import { cloneDatabase } from "./database.ts";

/** A database of one's own that remembers every statement. */
export async function openWatchedDatabase() {
  const statements: string[] = [];
  const logger = { logQuery: (statement: string) => void statements.push(statement) };
  const template = inject("template");
  const connection =
    template.kind === "embedded"
      ? await connectEmbedded({ dump: await openAsBlob(template.dump) }, { logger })
      : connectPostgres(await cloneDatabase(template), { logger });
  onTestFinished(() => connection.close());
  return { ...connection, statements };
}
