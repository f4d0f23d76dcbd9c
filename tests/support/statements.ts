import { openAsBlob } from "node:fs";
import { inject, onTestFinished } from "vitest";
import { connectEmbedded, connectPostgres } from "../../src/db/connect.ts";
import { cloneDatabase } from "./database.ts";

export interface Asked {
  statement: string;
  params: unknown[];
}

/** A database of one's own that remembers every statement, and with which values it was asked. */
export async function openWatchedDatabase() {
  const statements: string[] = [];
  const asked: Asked[] = [];
  const logger = {
    logQuery(statement: string, params: unknown[]) {
      statements.push(statement);
      asked.push({ statement, params });
    },
  };
  const template = inject("template");
  const connection =
    template.kind === "embedded"
      ? await connectEmbedded({ dump: await openAsBlob(template.dump) }, { logger })
      : connectPostgres(await cloneDatabase(template), { logger });
  onTestFinished(() => connection.close());
  return { ...connection, statements, asked };
}
