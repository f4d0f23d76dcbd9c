import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { openServer } from "../../src/http/open-server.ts";
import { patience_ms, start } from "../support/processes.ts";
import { createWorld } from "../support/world.ts";

const run = promisify(execFile);
const inProject = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** What somebody writes against a client that was generated of the document alone; each line that must not compile says so. */
const story = `
import createClient from "openapi-fetch";
import type { components, paths } from "./wassla.ts";

type Schemas = components["schemas"];
const { API_URL, API_KEY } = process.env;
const client = createClient<paths>({ baseUrl: API_URL!, headers: { Authorization: \`Bearer \${API_KEY}\` } });

const listed = await client.GET("/v1/conversations", { params: { query: { status: ["open"], limit: 1 } } });
// @ts-expect-error there is no such status
await client.GET("/v1/conversations", { params: { query: { status: ["asleep"] } } });
if (listed.error) throw new Error(listed.error.detail);
const [conversation]: Schemas["Conversation"][] = listed.data.data;
const conversation_id = conversation!.id;

const got = await client.GET("/v1/conversations/{conversation_id}", { params: { path: { conversation_id } } });
if (got.error) throw new Error(got.error.detail);
const closes_at: string | null = got.data.inactivity_closes_at;
// @ts-expect-error there is no such field
got.data.closes_some_day;

const sent = await client.POST("/v1/conversations/{conversation_id}/messages", {
  params: { path: { conversation_id }, header: { "Idempotency-Key": "told-once" } },
  body: { content: { type: "text", text: "Good day" } },
});
if (sent.error) throw new Error(sent.error.detail);
await client.POST("/v1/conversations/{conversation_id}/messages", {
  params: { path: { conversation_id } },
  // @ts-expect-error a text has a text
  body: { content: { type: "text", words: "Good day" } },
});

const missing = await client.GET("/v1/conversations/{conversation_id}", {
  params: { path: { conversation_id: "conv_01m7x0q4w6e8r9t2y3v5n7b1c4" } },
});
if (!missing.error) throw new Error("it is there");
const problem: Schemas["Problem"] = missing.error;
// @ts-expect-error no error has this code
if (problem.code === "not_fond") throw new Error("what a code");

const { status, direction } = sent.data;
console.log(JSON.stringify({ conversation_id, closes_at, sent: { status, direction }, missing: { status: missing.response.status, code: problem.code } }));
`;

test(
  "a client that is generated of the committed document compiles strictly and works",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "wassla-client-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    symlinkSync(inProject("node_modules"), join(folder, "node_modules"));
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write("package.json", JSON.stringify({ type: "module" }));
    write("story.ts", story);
    write("tsconfig.json", JSON.stringify({ compilerOptions: strictly, include: ["*.ts"] }));

    const generator = inProject("tests/contract/client-generator/node_modules/openapi-typescript/bin/cli.js");
    // A field that has a default may be left out of a request; without the option the generator asks for it.
    const options = ["--default-non-nullable=false", "--output", join(folder, "wassla.ts")];
    await run(process.execPath, [generator, inProject("openapi/openapi.json"), ...options]);
    const compiled = await run(process.execPath, [inProject("node_modules/typescript/bin/tsc"), "-p", folder]).catch(
      ({ stdout }: { stdout: string }) => ({ stdout }),
    );
    expect(compiled.stdout).toBe("");

    const world = await createWorld();
    const tenant = await world.tenant();
    const { id } = await tenant.hears("Hello");
    const server = await openServer(world.app, world.services, { port: 0, host: "127.0.0.1" });
    onTestFinished(() => server.close(0));
    const told = await start(join(folder, "story.ts"), [], { API_URL: `http://127.0.0.1:${server.port}`, API_KEY: tenant.api_key }).ended;
    expect(told).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(told.stdout)).toEqual({
      conversation_id: id,
      closes_at: null,
      sent: { status: "queued", direction: "outbound" },
      missing: { status: 404, code: "not_found" },
    });
  },
  patience_ms,
);

const strictly = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  module: "nodenext",
  target: "es2022",
  lib: ["es2023", "dom", "dom.iterable"],
  types: ["node"],
  allowImportingTsExtensions: true,
  noEmit: true,
};
