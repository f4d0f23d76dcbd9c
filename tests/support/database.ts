import { openAsBlob } from "node:fs";
import postgres from "postgres";
import { inject } from "vitest";
import { connectEmbedded, connectPostgres, type Connection } from "../../src/db/connect.ts";
import { fence } from "./fence.ts";
import type { Template } from "./global-setup.ts";

let opened: Promise<Connection> | undefined;

/** This worker's database, made of the template when it is first asked for. */
export const database = (): Promise<Connection> => (opened ??= open(inject("template")));

/** One that no other file writes into, for what looks at every row there is. Whoever opens it closes it. */
export const openDatabase = (): Promise<Connection> => open(inject("template"));

export const onPostgres = (): boolean => inject("template").kind === "postgres";

async function open(template: Template): Promise<Connection> {
  if (template.kind === "embedded") return connectEmbedded({ dump: await openAsBlob(template.dump) }, { logger: fence });
  return connectPostgres(await cloneDatabase(template), { logger: fence });
}

/** A database of one's own on the server: a copy of the migrated template. */
export async function cloneDatabase({ server_url, template }: Extract<Template, { kind: "postgres" }>): Promise<string> {
  const name = `${template}_${process.pid}_${Math.random().toString(36).slice(2, 8)}`;
  const server = postgres(server_url, { max: 1, onnotice: () => {} });
  await server.unsafe(`create database ${name} template ${template}`);
  await server.end();
  const url = new URL(server_url);
  url.pathname = `/${name}`;
  return url.href;
}
