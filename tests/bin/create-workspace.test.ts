import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, onTestFinished, test } from "vitest";
import { connectEmbedded, connectPostgres } from "../../src/db/connect.ts";
import { cloneDatabase } from "../support/database.ts";
import { openBrowser, password } from "../support/members.ts";
import { bareEnvironment, freshFolder, patience_ms, preparedFolder, start } from "../support/processes.ts";
import { createWorld } from "../support/world.ts";

interface Made {
  workspace_id: string;
  api_key: string;
  webhook_secret: string;
  owner_invitation_token: string;
  owner_invitation_url: string;
}

/** A database for a command to write into, and the way to look at it afterwards. */
async function setUp() {
  const template = inject("template");
  if (template.kind === "embedded") {
    const DATA_DIR = await preparedFolder();
    return { env: { DATA_DIR }, open: () => connectEmbedded({ folder: join(DATA_DIR, "pg") }) };
  }
  const url = await cloneDatabase(template);
  const secret = "x".repeat(32);
  return { env: { DATABASE_URL: url, MASTER_KEY: secret, CRON_SECRET: secret }, open: () => Promise.resolve(connectPostgres(url)) };
}

/** The README's own command, of which stdout is nothing but the answer. */
const npmRun = (args: string[], env: Record<string, string>): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(
      "npm",
      ["run", "-s", "workspace:create", "--", ...args],
      { cwd: fileURLToPath(new URL("../..", import.meta.url)), env: bareEnvironment(env) },
      (error, stdout) => (error ? reject(error as Error) : resolve(stdout)),
    );
  });

test(
  "a workspace, a key with the scopes that were named, and a webhook secret: as JSON, and they work",
  { timeout: patience_ms },
  async () => {
    const { env, open } = await setUp();
    const made = JSON.parse(
      await npmRun(["--name", "Café الدار", "--owner-email", "Lina@Shop.Example", "--scopes", "read,read", "--json"], env),
    ) as Made;
    expect(Object.keys(made)).toEqual(["workspace_id", "api_key", "webhook_secret", "owner_invitation_token", "owner_invitation_url"]);
    expect(made.webhook_secret).toMatch(/^whsec_/);

    const connection = await open();
    onTestFinished(() => connection.close());
    const world = await createWorld({ db: connection.db });
    const me = await world.request("/v1/me", { key: made.api_key });
    expect(me).toMatchObject({
      status: 200,
      body: { workspace: { id: made.workspace_id, name: "Café الدار" }, api_key: { scopes: ["read"] } },
    });
    expect((await world.request("/v1/webhook_secret", { key: made.api_key })).status).toBe(403);

    expect(made.owner_invitation_url.endsWith(`/portal/join#${made.owner_invitation_token}`)).toBe(true);
    const joining = { token: made.owner_invitation_token, name: "Lina", password };
    const { status, body } = await openBrowser(world).post("/auth/accept_invitation", joining);
    expect([status, body]).toMatchObject([
      200,
      { workspace: { id: made.workspace_id }, member: { role: "owner" }, user: { email: "lina@shop.example" } },
    ]);
  },
);

test.each([
  ["no name", ["--json"], "--name is required. usage: npm run workspace:create"],
  ["a name of spaces", ["--name", "  ", "--json"], "--name: Must have at least 1 character."],
  ["a name that the API could not show", ["--name", "x".repeat(101)], "--name: Must have at most 100 characters."],
  ["an owner without an address", ["--name", "N", "--owner-email", "lina"], "--owner-email: Must be an email address."],
  ["a scope that is none", ["--name", "N", "--scopes", "read,wrtie"], '--scopes.1: Must be one of "read", "write", "admin".'],
])("%s is refused with one line, before any database is opened", { timeout: patience_ms }, async (_, args, line) => {
  const DATA_DIR = freshFolder();
  const { code, stdout, stderr } = await start("src/bin/create-workspace.ts", args, { DATA_DIR }).ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain(line);
  expect(stderr.trim().split("\n"), "one line, no stack").toHaveLength(1);
  expect(existsSync(DATA_DIR)).toBe(false);
});

test("with another master key nothing is opened, and the setting is named", { timeout: patience_ms }, async () => {
  const { env } = await setUp();
  const make = (MASTER_KEY: string) => start("src/bin/create-workspace.ts", ["--name", "Shop"], { ...env, MASTER_KEY }).ended;
  const [old_key, new_key] = ["a".repeat(32), "b".repeat(32)];
  expect((await make(old_key)).code).toBe(0);
  const refused = await make(new_key);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(/^MASTER_KEY is not the one .*new,old\.\n$/);
  expect((await make(`${new_key},${old_key}`)).code).toBe(0);
});
