import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import { connectEmbedded, connectPostgres } from "../../src/db/connect.ts";
import { watchRefusals } from "./refusals.ts";

/** What a worker makes its database of: a dump of a migrated one, or a template database on a server. */
export type Template = { kind: "embedded"; dump: string } | { kind: "postgres"; server_url: string; template: string };

declare module "vitest" {
  export interface ProvidedContext {
    template: Template;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server_url = process.env["TEST_DATABASE_URL"];
  const judgeRefusals = watchRefusals(project, { on_server: Boolean(server_url) });
  const dropTemplate = await (server_url ? templateOnServer(project, server_url) : templateInFile(project));
  return async () => {
    await dropTemplate();
    await judgeRefusals();
  };
}

async function templateInFile(project: TestProject) {
  const folder = mkdtempSync(join(tmpdir(), "wassla-"));
  const connection = await connectEmbedded();
  await connection.migrate();
  const dump = join(folder, "template.tar");
  writeFileSync(dump, new Uint8Array(await (await connection.dump()).arrayBuffer()));
  await connection.close();
  project.provide("template", { kind: "embedded", dump });
  return async () => rmSync(folder, { recursive: true });
}

async function templateOnServer(project: TestProject, server_url: string) {
  const template = `wassla_test_${process.pid}`;
  const server = postgres(server_url, { max: 1, onnotice: () => {} });
  await server.unsafe(`create database ${template}`);
  const url = new URL(server_url);
  url.pathname = `/${template}`;
  const connection = connectPostgres(url.href);
  await connection.migrate();
  await connection.close();
  project.provide("template", { kind: "postgres", server_url, template });
  return async () => {
    const made = await server<
      { datname: string }[]
    >`select datname from pg_database where datname = ${template} or starts_with(datname, ${`${template}_`})`;
    for (const { datname } of made) await server.unsafe(`drop database ${datname} with (force)`);
    await server.end();
  };
}
