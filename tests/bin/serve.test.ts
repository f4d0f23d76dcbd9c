import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, inject, onTestFinished, test } from "vitest";
import { cloneDatabase, onPostgres } from "../support/database.ts";
import { freePort, freshFolder, isRefused, patience_ms, preparedFolder, start, startCommand, until } from "../support/processes.ts";

const serve = (env: Record<string, string>) => start("src/bin/serve.ts", [], env);
const ready = /Wassla is ready at (\S+)/;
const credentials = /wsk_live_|whsec_|shown this once/;

const shell = (command: string): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile("/bin/sh", ["-c", command], (error, stdout) => (error ? reject(error as Error) : resolve(stdout)));
  });

test.runIf(!onPostgres())(
  "the first start of all: a folder is made, a demo is shown once, and what is printed works when pasted",
  { timeout: patience_ms },
  async () => {
    const DATA_DIR = freshFolder();
    const env = { DATA_DIR, PORT: await freePort() };
    const first = serve(env);
    const [, url] = await until(first, ready);
    expect(url).toBe(`http://127.0.0.1:${env.PORT}`);
    const [curl] = await until(first, /curl .*/);

    const listed = async () => (JSON.parse(await shell(`${curl} --silent --fail`)) as { data: unknown[] }).data;
    expect(await listed()).toHaveLength(9);
    const key = /wsk_live_\w+/.exec(first.output.stdout)![0];
    const asked = async (path: string) => (await fetch(url + path, { headers: { Authorization: `Bearer ${key}` } })).status;
    for (const path of ["/v1/me", "/docs", "/openapi.json", "/readyz"]) expect(await asked(path), path).toBe(200);

    const [demo] = /http\S+\/widget\/demo\?channel_id=\S+/.exec(first.output.stdout)!;
    expect((await fetch(demo)).status, "the page with the widget that the console names").toBe(200);
    expect((await fetch(`${url}/widget.js`)).status).toBe(200);

    const second = await serve({ ...env, PORT: await freePort() }).ended;
    expect(second).toEqual({
      code: 1,
      stdout: "",
      stderr: `The data folder ${DATA_DIR} is in use by process ${first.pid}. Stop that process, or set DATA_DIR to another folder, or set DATABASE_URL to share one database among processes.\n`,
    });
    expect(await asked("/v1/me"), "which did the first one no harm").toBe(200);

    // The connections that were asked over are still open.
    first.child.kill("SIGTERM");
    const { code, stderr, stdout } = await first.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/wsk_live_\w+/g), "the key in the list and in the curl").toHaveLength(2);
    expect(existsSync(join(DATA_DIR, "wassla.lock"))).toBe(false);

    const again = serve(env);
    await until(again, ready);
    expect(again.output.stdout).not.toMatch(credentials);
    expect(await asked("/v1/me"), "the key of the first start is still good").toBe(200);
    again.child.kill("SIGINT");
    expect((await again.ended).code).toBe(0);
  },
);

test.runIf(!onPostgres())("a first start that is killed is made up for by the next, whole", { timeout: patience_ms }, async () => {
  const env = { DATA_DIR: await preparedFolder(), PORT: await freePort() };
  const first = serve(env);
  // From then on the demo is being made.
  await expect.poll(() => isRefused(env.PORT), { timeout: patience_ms / 2, interval: 5 }).toBe(false);
  first.child.kill("SIGKILL");
  await first.ended;
  expect(first.output.stdout, "it had not come so far").not.toMatch(credentials);

  const second = serve(env);
  const [key] = await until(second, /wsk_live_\w+/);
  const list = async <T>(path: string) =>
    ((await (await fetch(`http://127.0.0.1:${env.PORT}${path}`, { headers: { Authorization: `Bearer ${key}` } })).json()) as { data: T[] })
      .data;
  expect(await list("/v1/conversations")).toHaveLength(9);
  expect(await list("/v1/webhook_endpoints")).toMatchObject([{ enabled: false }, { enabled: false }]);
});

test.runIf(!onPostgres())(
  "a port that is taken is told in one line, and costs nobody the credentials",
  { timeout: patience_ms },
  async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const DATA_DIR = await preparedFolder();

    const { code, stdout, stderr } = await serve({ DATA_DIR, PORT: String(port) }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      `listen EADDRINUSE: address already in use 127.0.0.1:${port}. Stop whatever listens there, or set PORT or HOST otherwise.\n`,
    );
    expect(existsSync(join(DATA_DIR, "wassla.lock")), "the folder is let go of").toBe(false);

    const next = serve({ DATA_DIR, PORT: await freePort() });
    await until(next, /curl .*wsk_live_/);
  },
);

test.runIf(!onPostgres())(
  "npm that is asked to stop leaves no server behind: the port and the data folder are free",
  { timeout: patience_ms },
  async () => {
    const DATA_DIR = await preparedFolder();
    const lock = join(DATA_DIR, "wassla.lock");
    const PORT = await freePort();
    const npm = startCommand("npm", ["start"], { DATA_DIR, PORT });
    await until(npm, ready);
    const server_pid = Number(readFileSync(lock, "utf8").split(" ")[0]);
    onTestFinished(() => killIfAlive(server_pid));

    npm.child.kill("SIGTERM");
    await once(npm.child, "exit");
    expect(existsSync(lock), "who ends as it should lets go of it").toBe(false);
    expect(await isRefused(PORT)).toBe(true);
  },
);

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended, as it should.
  }
}

test.runIf(onPostgres())("two servers share a database, and neither makes a demo on it", { timeout: patience_ms }, async () => {
  const template = inject("template");
  if (template.kind !== "postgres") throw new Error("this needs a server");
  const secret = "x".repeat(32);
  const env = {
    DATABASE_URL: await cloneDatabase(template),
    MASTER_KEY: secret,
    CRON_SECRET: secret,
    HOST: "127.0.0.1",
    LOG_LEVEL: "silent",
  };
  const servers = [serve({ ...env, PORT: await freePort() }), serve({ ...env, PORT: await freePort() })];
  const made = JSON.parse((await start("src/bin/create-workspace.ts", ["--name", "N", "--json"], env).ended).stdout) as {
    api_key: string;
  };
  for (const server of servers) {
    const [, url] = await until(server, ready);
    expect(server.output.stdout).not.toMatch(credentials);
    expect((await fetch(`${url}/v1/me`, { headers: { Authorization: `Bearer ${made.api_key}` } })).status).toBe(200);
  }
  for (const { child } of servers) child.kill("SIGTERM");
  for (const { ended } of servers) expect(await ended).toMatchObject({ code: 0, stderr: "" });
});
