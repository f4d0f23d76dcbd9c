import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { pricing } from "../../src/core/pricing.ts";

const long = "x".repeat(32);
const server = { DATABASE_URL: "postgres://localhost/wassla", MASTER_KEY: long, CRON_SECRET: long };

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "wassla-config-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test("without configuration the secrets are made once and kept, and only this machine is served", () => {
  const DATA_DIR = folder();
  const first = readConfig({ DATA_DIR });
  const second = readConfig({ DATA_DIR });
  expect(second.master_keys).toEqual(first.master_keys);
  expect(second.cron_secret).toBe(first.cron_secret);
  expect(first).toMatchObject({
    host: "127.0.0.1",
    port: 3000,
    allow_private_webhooks: true,
    scheduler: true,
    database: { kind: "embedded" },
  });
});

test("with a database server nothing is open that was not opened", () => {
  expect(readConfig(server)).toMatchObject({ host: "0.0.0.0", allow_private_webhooks: false, database: { kind: "postgres" } });
});

test.each(["MASTER_KEY", "CRON_SECRET"])("%s is required with a database server", (name) => {
  expect(() => readConfig({ ...server, [name]: undefined })).toThrow(`${name} is required when DATABASE_URL is set`);
});

test.each([
  ["PORT", "65536"],
  ["PORT", "abc"],
  ["DATABASE_URL", "mysql://localhost/x"],
  ["DATABASE_URL", "postgres://user:pa#ss@localhost/x"],
  ["DATABASE_URL", "postgres://"],
  ["PUBLIC_URL", "ftp://example.com"],
  ["PUBLIC_URL", "https://example.com/api"],
  ["PUBLIC_URL", "https://user:hush@example.com"],
  ["PUBLIC_URL", "https://example.com?a=hush"],
  ["PUBLIC_URL", "https://example.com#a"],
  ["SCHEDULER", "maybe"],
  ["CRON_SECRET", "short"],
  ["META_GRAPH_VERSION", "23"],
])("%s=%s is refused by name", (name, value) => {
  expect(() => readConfig({ ...server, [name]: value })).toThrow(name);
});

test.each([
  ["127.0.0.1", "http://127.0.0.1:3000"],
  ["0.0.0.0", "http://127.0.0.1:3000"],
  ["::1", "http://[::1]:3000"],
  ["::", "http://[::1]:3000"],
  ["wassla.internal", "http://wassla.internal:3000"],
])("who listens on %s is reached at %s", (HOST, url) => {
  expect(readConfig({ ...server, HOST }).public_url).toBe(url);
});

test("what is wrong with a setting is told in plain words, one line for each", () => {
  expect(() => readConfig({ ...server, PORT: "65536", CRON_SECRET: "short", PUBLIC_URL: "wassla" })).toThrow(
    "PORT: Must be at most 65535.\nCRON_SECRET: Must have at least 32 characters.\nPUBLIC_URL: Must be a URL.",
  );
});

test("an address of the service may end in a slash; what was given wrongly is not repeated", () => {
  expect(readConfig({ ...server, PUBLIC_URL: "https://example.com:8443/" })).toMatchObject({ public_url: "https://example.com:8443" });
  expect(() => readConfig({ ...server, PUBLIC_URL: "https://user:hush@example.com" })).toThrow(/^(?!.*hush)/s);
  const several = "postgres://user@one:5432,two:5433/x";
  expect(readConfig({ ...server, DATABASE_URL: several }).database).toMatchObject({ url: several });
});

test("a master key that is too short is refused, wherever it stands in the list", () => {
  expect(() => readConfig({ ...server, MASTER_KEY: `${long},short` })).toThrow(/32 characters/);
  expect(readConfig({ ...server, MASTER_KEY: `${long}, ${long}2` }).master_keys).toEqual([long, `${long}2`]);
});

test("every setting is documented, and nothing else is", () => {
  const documented = [...readFileSync(new URL("../../.env.example", import.meta.url), "utf8").matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(
    ([, name]) => name,
  );
  const code = readFileSync(new URL("../../src/config.ts", import.meta.url), "utf8");
  const read = [...code.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name);
  expect(new Set(documented)).toEqual(new Set(read));
  expect(documented).toHaveLength(read.length);
});

test("prices and plans that are named differ, and the others stay", () => {
  const PRICING = '{"prices":{"messages_outbound":1.5},"plans":{"starter":20000}}';
  const { pricing: changed } = readConfig({ ...server, PRICING });
  expect(changed).toEqual({
    prices: { ...pricing.prices, messages_outbound: 1.5 },
    plans: { ...pricing.plans, starter: 20_000 },
  });
  expect(readConfig(server).pricing).toEqual(pricing);
});

test.each(["{", "[]", "7", '{"prices":{"messages":1}}', '{"prices":{"embeddings":0.0001}}', '{"plans":{"starter":-1}}', '{"price":{}}'])(
  "PRICING=%s is refused by name",
  (PRICING) => {
    expect(() => readConfig({ ...server, PRICING })).toThrow("PRICING");
  },
);
