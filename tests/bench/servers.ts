import { execFileSync, fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, symlinkSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { Pool } from "undici";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What production runs: JavaScript from the compiler, on all sides. */
export function build(): void {
  for (const project of ["src", "tests/bench"]) execFileSync("tsc", ["-p", project], { cwd: root, stdio: "inherit" });
  // Beside what is built the service looks for what is not.
  for (const folder of ["drizzle", "openapi"]) {
    const beside = `${root}dist/bench/${folder}`;
    if (!existsSync(beside)) symlinkSync(root + folder, beside);
  }
}

/** Where a file of this folder is built. */
export const builtFrom = (file: string): string => `${root}dist/bench/tests/bench/${file.replace(/ts$/, "js")}`;

export const built = { ours: "dist/bin/serve.js", by_hand: builtFrom("serve-by-hand.ts") };

export interface Server {
  child: ChildProcess;
  pool: Pool;
}

export async function start(file: string, env: NodeJS.ProcessEnv, connections: number): Promise<Server> {
  const port = await freePort();
  const child = fork(file, {
    cwd: root,
    env: { ...env, NODE_ENV: "production", PORT: String(port) },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections });
  await answering(child, pool);
  return { child, pool };
}

export async function stop({ child, pool }: Server): Promise<void> {
  await pool.close();
  child.kill();
  await once(child, "exit");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answering(child: ChildProcess, pool: Pool): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`a server ended with ${child.exitCode} before it answered`);
    try {
      await (await pool.request({ method: "GET", path: "/" })).body.dump();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/**
 * A wire to the database that counts round trips: how often something is said after the database has spoken, on the
 * busiest connection. What one process announces to the others has a connection of its own.
 */
export async function countingWire(database_url: string) {
  const target = new URL(database_url);
  const round_trips: number[] = [];
  const wire = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port || 5432), noDelay: true });
    let database_spoke = true;
    const connection = round_trips.push(0) - 1;
    near.on("data", () => {
      if (database_spoke) round_trips[connection]! += 1;
      database_spoke = false;
    });
    far.on("data", () => (database_spoke = true));
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on("error", () => [near, far].forEach((other) => other.destroy()));
  }).listen(0, "127.0.0.1");
  await once(wire, "listening");
  const url = new URL(database_url);
  url.host = `127.0.0.1:${(wire.address() as AddressInfo).port}`;
  return { url: url.href, reset: () => void round_trips.fill(0), count: () => Math.max(...round_trips), close: () => void wire.close() };
}
