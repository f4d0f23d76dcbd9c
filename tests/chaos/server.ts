import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import postgres from "postgres";

const run = promisify(execFile);
const tool = fileURLToPath(new URL("../../../shared/tools/postgres17.sh", import.meta.url));

/** A database for the time of a run, and a way to break every connection to it at once. */
export interface Server {
  url: string;
  /** What `strike` does. */
  blow: "pg_ctl restart -m immediate" | "pg_terminate_backend";
  strike: () => Promise<void>;
  close: () => Promise<void>;
}

/** A server of the run's own, where the tool for it stands beside the repository; otherwise a database on the one that is named. */
export async function openServer(given_url: string | undefined): Promise<Server> {
  if (given_url === undefined && existsSync(tool)) return startServer();
  if (given_url === undefined)
    throw new Error("CHAOS_DATABASE_URL must name a PostgreSQL with pgvector: the tool that starts one is not here");
  const name = `wassla_chaos_${process.pid}`;
  const admin = postgres(given_url, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}`);
  const url = new URL(given_url);
  url.pathname = `/${name}`;
  return {
    ...strikable(url.href),
    async close() {
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

/** A database on a server that is not ours to restart. */
export const strikable = (url: string): Omit<Server, "close"> => ({
  url,
  blow: "pg_terminate_backend",
  async strike() {
    const session = postgres(url, { max: 1 });
    await session`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
    await session.end();
  },
});

async function startServer(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "wassla-chaos-"));
  // Below the ephemeral ports, any of which a connection may take at any moment. Durable, or a crash might lose what was committed.
  const PGCI_PORT = String(20_000 + Math.floor(Math.random() * 10_000));
  const env = { ...process.env, PGCI_DIR: folder, PGCI_PORT, PGCI_FSYNC: "on" };
  const { stdout } = await run(tool, ["start"], { env, timeout: 180_000 });
  const data = "/var/lib/postgresql/ci";
  return {
    url: stdout.trim(),
    blow: "pg_ctl restart -m immediate",
    async strike() {
      const pg_ctl = ["/usr/lib/postgresql/17/bin/pg_ctl", "restart", "-m", "immediate", "-w", "-D", data, "-l", `${data}.log`];
      await run("chroot", ["--userspec=999:999", join(folder, "root"), ...pg_ctl], { timeout: 60_000 });
    },
    async close() {
      await run(tool, ["stop"], { env, timeout: 60_000 });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
