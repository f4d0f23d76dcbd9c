import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const oxlint = path.join(repository, "node_modules/.bin/oxlint");

/** A small house in which everything stands where it may. */
const house = {
  "core/context.ts":
    'import type { PgDatabase } from "drizzle-orm/pg-core";\nexport type Network = { fetch: typeof fetch; db: PgDatabase<never> };',
  "core/time.ts": "export const systemClock = () => new Date(Date.now());",
  "db/connect.ts": 'import postgres from "postgres";\nexport const connect = () => postgres();',
  "posting/post.ts": "export const post = async () => fetch(String(performance.now()));",
  "webhooks/emit.ts": 'import { post } from "../posting/post.ts";\nexport const emit = () => post();',
  "channels/providers/sandbox.ts":
    'import { Agent } from "undici";\nexport const send = async () => fetch("x", { dispatcher: new Agent() });',
  "conversations/tables.ts": 'import { sql } from "drizzle-orm";\nexport const conversations = sql`select 1`;',
  "conversations/send.ts":
    'import { emit } from "../webhooks/emit.ts";\nexport const send = async (fetch: typeof emit) => [await fetch(), new Date(0)];',
  "conversations/router.ts":
    'import { write } from "../trpc/procedure.ts";\nimport { send } from "./send.ts";\nexport const r = [write, send];',
  "trpc/procedure.ts": 'import { initTRPC } from "@trpc/server";\nexport const write = initTRPC;',
  "http/rest.ts": 'import { Hono } from "hono";\nimport { appRouter } from "../router.ts";\nexport const rest = [Hono, appRouter];',
  "router.ts": 'import { r } from "./conversations/router.ts";\nexport const appRouter = r;',
  "chores.ts": 'import { send } from "./conversations/send.ts";\nexport const chores = [send];',
  "client.ts":
    'import { createTRPCClient } from "@trpc/client";\nexport { appRouter } from "./router.ts";\nexport const make = createTRPCClient;',
  "app.ts": 'import { chores } from "./chores.ts";\nimport { rest } from "./http/rest.ts";\nexport const app = [chores, rest];',
  "bin/serve.ts": 'import pino from "pino";\nimport { app } from "../app.ts";\nexport const serve = [pino, app, fetch];',
};

type Seed = [promise: string, file: string, source: string, fault: string];

const seeds: Seed[] = [
  ["core looks into nothing", "core/a.ts", 'import "../db/connect.ts";', "core may not look into db"],
  ["the ground looks into no room", "db/a.ts", 'import "../posting/post.ts";', "db may not look into posting"],
  ["a room looks into no room above it", "webhooks/a.ts", 'import "../conversations/send.ts";', "webhooks may not look into conversations"],
  [
    "a type is an import too",
    "audit/a.ts",
    'import type { send } from "../conversations/send.ts";',
    "audit may not look into conversations",
  ],
  ["a type written in place is an import", "audit/b.ts", 'export type A = import("../chores.ts").A;', "audit may not look into chores.ts"],
  ["a dynamic import is an import", "audit/c.ts", 'await import("../http/rest.ts");', "audit may not look into http"],
  ["what is passed on is imported", "audit/d.ts", 'export { app } from "../app.ts";', "audit may not look into app.ts"],
  ["what is passed on whole is imported", "audit/e.ts", 'export * from "../config.ts";', "audit may not look into config.ts"],
  ["only a router asks for procedures", "conversations/a.ts", 'import "../trpc/procedure.ts";', "conversations may not look into trpc"],
  ["trpc knows no room", "trpc/a.ts", 'import "../audit/record.ts";', "trpc may not look into audit"],
  [
    "a room's router is seen by the root router",
    "http/a.ts",
    'import "../conversations/router.ts";',
    "only src/router.ts may import conversations/router.ts",
  ],
  ["not even by its own room", "conversations/b.ts", 'import "./router.ts";', "only src/router.ts may import conversations/router.ts"],
  ["http does not know the application", "http/b.ts", 'import "../app.ts";', "http may not look into app.ts"],
  ["http starts nothing", "http/c.ts", 'import "../bin/serve.ts";', "http may not look into bin"],
  ["the application does not read the environment", "app.ts", 'import "./config.ts";', "app.ts may not look into config.ts"],
  ["src looks at nothing outside itself", "bin/a.ts", 'import "../../tests/support/world.ts";', "src/ looks at nothing outside itself"],
  [
    "a folder without a line in the table is refused",
    "billing/a.ts",
    "export {};",
    "unknown room billing: give it a line in .oxlint/rooms.js",
  ],
  ["so is a file at the root", "helpers.ts", "export {};", "unknown room helpers.ts: give it a line in .oxlint/rooms.js"],

  ...doors([
    ["@trpc/server", "conversations/c.ts"],
    ["trpc-to-openapi", "chores.ts"],
    ["@trpc/client", "http/d.ts"],
    ["hono", "trpc/b.ts"],
    ["@hono/node-server", "webhooks/b.ts"],
    ["postgres", "bin/b.ts"],
    ["@electric-sql/pglite/live", "db/mine.ts"],
    ["drizzle-orm", "http/e.ts"],
    ["drizzle-orm/pg-core", "core/fields.ts"],
    ["drizzle-orm", "webhooks/router.ts"],
    ["drizzle-orm", "webhooks/contract.ts"],
    ["better-auth/minimal", "http/g.ts"],
    ["@node-rs/argon2", "sessions/a.ts"],
    ["undici", "http/f.ts"],
    ["pino", "core/log.ts"],
    ["node:process", "webhooks/c.ts"],
  ]),

  ...clocks(["new Date()", "new Date", "Date()", "Date.now()", "globalThis.Date.now()", "new globalThis.Date()", "[].map(Date.now)"]),
  ["a URL is read by urlOf", "posting/url.ts", 'export const x = URL.canParse("x");', "ask urlOf of core/url.ts"],
  ...networks(['await fetch("x")', "[].map(fetch)", 'await globalThis.fetch("x")']),
];

function doors(table: [name: string, file: string][]): Seed[] {
  return table.map(([name, file]) => [
    `${name} stays out of ${file}`,
    file,
    `import "${name}";`,
    `${name} is behind a door that ${file} does not have`,
  ]);
}

function clocks(sources: string[]): Seed[] {
  const fault = "the clock is a parameter: ask ctx.now()";
  return sources.map((source, n) => [`${source} asks the machine`, `bin/clock-${n}.ts`, `export const x = ${source};`, fault]);
}

function networks(sources: string[]): Seed[] {
  const fault = "the network is a parameter: ask ctx.network";
  return sources.map((source, n) => [`${source} leaves the building`, `webhooks/fetch-${n}.ts`, `export const x = ${source};`, fault]);
}

let found: Map<string, string[]>;
beforeAll(async () => {
  found = await faultsIn(Object.fromEntries(seeds.map(([, file, source]) => [file, source])));
});

test("a house in order passes", async () => {
  expect(await faultsIn(house)).toEqual(new Map());
});

test.each(seeds)("%s", (_promise, file, _source, fault) => {
  expect(found.get(file)).toEqual([fault]);
});

/** Lints a tree of its own by the rules of this repository, and gives the faults of each file. */
async function faultsIn(files: Record<string, string>): Promise<Map<string, string[]>> {
  const place = await mkdtemp(path.join(await realpath(tmpdir()), "rooms-"));
  try {
    for (const rules of [".oxlint", ".oxlintrc.json"]) await cp(path.join(repository, rules), path.join(place, rules), { recursive: true });
    for (const [file, source] of Object.entries(files)) {
      await mkdir(path.join(place, "src", path.dirname(file)), { recursive: true });
      await writeFile(path.join(place, "src", file), source);
    }
    const { diagnostics } = JSON.parse(await outputOf(oxlint, ["--format=json", "src"], place)) as { diagnostics: Diagnostic[] };
    return faultsByFile(diagnostics.filter(({ code }) => code?.startsWith("wassla(")));
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

interface Diagnostic {
  code?: string;
  filename: string;
  message: string;
}

function faultsByFile(diagnostics: Diagnostic[]): Map<string, string[]> {
  const faults = new Map<string, string[]>();
  for (const { filename, message } of diagnostics) {
    const file = filename.replace(/^src\//, "");
    faults.set(file, [...(faults.get(file) ?? []), message]);
  }
  return faults;
}

/** To find faults is to exit with 1, so the exit code says nothing here. */
function outputOf(command: string, args: string[], cwd: string): Promise<string> {
  return new Promise((resolve) => execFile(command, args, { cwd }, (_error, stdout) => resolve(stdout)));
}
