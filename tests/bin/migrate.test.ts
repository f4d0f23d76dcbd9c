import { sql } from "drizzle-orm";
import postgres from "postgres";
import { describe, expect, inject, test } from "vitest";
import type { Db } from "../../src/core/context.ts";
import { enableVector } from "../../src/db/pgvector.ts";
import { onPostgres } from "../support/database.ts";
import { patience_ms, preparedFolder, start } from "../support/processes.ts";

const migrate = (env: Record<string, string>) => start("src/bin/migrate.ts", [], env).ended;
const secret = "x".repeat(32);

test.runIf(!onPostgres())("an embedded database that is up to date stays as it is", { timeout: patience_ms }, async () => {
  const DATA_DIR = await preparedFolder();
  expect(await migrate({ DATA_DIR })).toEqual({ code: 0, stdout: "The database is up to date.\n", stderr: "" });
});

test.runIf(onPostgres())(
  "three processes that start at once on an empty database bring it up to date together",
  { timeout: patience_ms },
  async () => {
    const template = inject("template");
    if (template.kind !== "postgres") throw new Error("this needs a server");
    const name = `${template.template}_empty_${process.pid}`;
    const server = postgres(template.server_url, { max: 1, onnotice: () => {} });
    await server.unsafe(`create database ${name} template template0`);
    await server.end();
    const url = new URL(template.server_url);
    url.pathname = `/${name}`;
    const env = { DATABASE_URL: url.href, MASTER_KEY: secret, CRON_SECRET: secret };
    const done = { code: 0, stdout: "The database is up to date.\n", stderr: "" };
    expect(await Promise.all([migrate(env), migrate(env), migrate(env)])).toEqual([done, done, done]);
  },
);

test("a database that is not there is told in one line, without a stack", { timeout: patience_ms }, async () => {
  const outcome = await migrate({ DATABASE_URL: "postgres://127.0.0.1:1/none", MASTER_KEY: secret, CRON_SECRET: secret });
  expect(outcome).toEqual({ code: 1, stdout: "", stderr: "connect ECONNREFUSED 127.0.0.1:1\n" });
});

describe("the extension that knowledge needs", () => {
  /** A server as `enableVector` sees it: what it knows of the extension, and what comes of creating it. */
  function serverWith(known: { installed: boolean }[], created: () => Promise<unknown> = () => Promise.resolve([])) {
    const asked: string[] = [];
    const db = {
      execute: (statement: ReturnType<typeof sql>) => {
        const text = JSON.stringify(statement.queryChunks);
        asked.push(text.includes("create extension") ? "create" : "look");
        return text.includes("create extension") ? created() : Promise.resolve(known);
      },
    } as unknown as Db;
    return { db, asked };
  }

  test("is left alone where it is enabled", async () => {
    const { db, asked } = serverWith([{ installed: true }]);
    await enableVector(db);
    expect(asked).toEqual(["look"]);
  });

  test("is enabled where it is only installed", async () => {
    const { db, asked } = serverWith([{ installed: false }]);
    await enableVector(db);
    expect(asked).toEqual(["look", "create"]);
  });

  test("is asked for in one sentence where the server lacks it", async () => {
    const { db } = serverWith([]);
    await expect(enableVector(db)).rejects.toThrow(
      /^This PostgreSQL server lacks the extension pgvector \(vector\): install its package for your server's version, for example postgresql-17-pgvector, and start again\.$/,
    );
  });

  test("is asked for in one sentence where this user may not enable it", async () => {
    const denied = new Error("permission denied to create extension");
    const { db } = serverWith([{ installed: false }], () => Promise.reject(denied));
    await expect(enableVector(db)).rejects.toMatchObject({
      message: 'The extension pgvector could not be enabled: run "create extension vector" in this database as a superuser.',
      cause: denied,
    });
  });
});
