import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { newWorkspace } from "../../src/bin/new-workspace.ts";
import { openWorld } from "../../src/bin/world.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import { readConfig } from "../../src/config.ts";
import { systemCtx } from "../../src/core/context.ts";
import { uuidOf } from "../../src/core/ids.ts";
import { atomically } from "../../src/db/atomically.ts";
import { createReceiver, type Receiver } from "./receiver.ts";
import type { Server } from "./server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const secret = "a secret for this run and for nothing else";
/** How many callbacks are under way at once. */
const at_once = 8;
/** What anything may take where others work beside it. */
const patience_ms = 60_000;

/** One process at the front door and any number of dispatchers, which share nothing but a database. */
export async function openStage(server: Omit<Server, "close">, serve: string[]) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    DATABASE_URL: server.url,
    MASTER_KEY: secret,
    CRON_SECRET: secret,
    HOST: "127.0.0.1",
    ALLOW_PRIVATE_WEBHOOKS: "on",
    IP_RATE_LIMIT_PER_MINUTE: "1000000000",
    LOG_LEVEL: "silent",
  };
  const world = await openWorld(readConfig(env));
  const sql = postgres(server.url, { max: 2, onnotice: () => {} });
  const processes = new Set<Running>();
  const receivers: Receiver[] = [];
  /** Processes that ended though nobody had ended them. */
  const surprises: string[] = [];
  const killAll = () => processes.forEach(({ child }) => child.kill("SIGKILL"));
  process.once("exit", killAll);

  async function start(settings: Record<string, string>): Promise<Running> {
    const { PATH = "", HOME = "" } = process.env;
    const child = spawn(process.execPath, serve, {
      cwd: root,
      env: { PATH, HOME, ...env, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const running: Running = { child, is_doomed: false, said: "" };
    processes.add(running);
    child.once("exit", (code, signal) => {
      processes.delete(running);
      if (!running.is_doomed) surprises.push(`a process ended with ${code ?? signal}: ${running.said.slice(-500)}`);
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (running.said += text));
    await until(() => running.said.includes("is ready") || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(running.said);
    return running;
  }

  async function end(running: Running, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    running.is_doomed = true;
    const ended = once(running.child, "exit");
    running.child.kill(signal);
    await ended;
  }

  await start({ PORT: String(port), SCHEDULER: "off" });
  const dispatchers: Running[] = [];

  return {
    server,
    sql,
    surprises,

    /** Starts or stops dispatchers until there are so many. */
    async dispatchers(count: number): Promise<void> {
      await Promise.all(dispatchers.splice(count).map((dispatcher) => end(dispatcher, "SIGTERM")));
      const missing = Array.from({ length: count - dispatchers.length }, () => start({ PORT: "0", SCHEDULER: "on" }));
      dispatchers.push(...(await Promise.all(missing)));
    },
    /** kill -9. */
    async killDispatcher(): Promise<void> {
      await end(dispatchers.pop()!, "SIGKILL");
    },

    /** Ends every lease, as the passing of a minute does. Only where whoever held one is dead. */
    passLeases: async () =>
      (await sql`update webhook_deliveries set lease_until = now() - interval '1 second' where status = 'delivering'`).count,

    async tenant() {
      const { services } = world;
      const made = await newWorkspace(services, { name: "Chaos", scopes: ["read", "write", "admin"] });
      const token = services.newId("chan");
      const { id: channel_id } = await atomically(systemCtx(services, made.workspace_id), (tx) =>
        createChannel(tx, { channel: "whatsapp", provider: "sandbox", name: "Sandbox", account_id: "sandbox", credentials: { token } }),
      );
      const said: string[] = [];
      const endpoints: { id: string; receiver: Receiver }[] = [];

      /** A customer writes; like a provider, whoever brings it repeats itself until it is heard. */
      async function says(text: string): Promise<void> {
        said.push(text);
        const from = `+1555000${1000 + (said.length % 50)}`;
        const init = {
          method: "POST",
          headers: { "X-Sandbox-Token": token, "Content-Type": "application/json" },
          body: JSON.stringify({ from, name: "Sara", text, id: text }),
        };
        await until(async () => {
          try {
            const response = await fetch(`${url}/hooks/sandbox/${channel_id}`, { ...init, signal: AbortSignal.timeout(10_000) });
            await response.arrayBuffer();
            return response.status === 200;
          } catch {
            return false;
          }
        });
      }

      return {
        workspace_id: made.workspace_id,
        uuid: uuidOf(made.workspace_id),
        said,
        endpoints,
        says,
        async endpoint(manners: Parameters<typeof createReceiver>[1] = {}): Promise<Receiver & { endpoint_id: string }> {
          const receiver = await createReceiver(made.webhook_secret, manners);
          receivers.push(receiver);
          const response = await fetch(`${url}/v1/webhook_endpoints`, {
            method: "POST",
            headers: { Authorization: `Bearer ${made.api_key}`, "Content-Type": "application/json" },
            body: JSON.stringify({ url: receiver.url, event_types: ["new_message"] }),
          });
          if (response.status !== 201) throw new Error(`the endpoint was refused: ${await response.text()}`);
          const { id } = (await response.json()) as { id: string };
          endpoints.push({ id: uuidOf(id), receiver });
          return { ...receiver, endpoint_id: uuidOf(id) };
        },
        /** Customers write at this rate, or as fast as they are heard, until they are told to be silent or so many have written. */
        talks(per_second: number, count = Infinity) {
          let is_over = false;
          let next = 0;
          const started_ms = Date.now();
          const talk = async () => {
            while (next < count && !is_over) {
              const due_ms = started_ms + (next++ * 1000) / per_second;
              await sleep(Math.max(0, due_ms - Date.now()));
              await says(`said ${said.length}`);
            }
          };
          const talking = Promise.all(Array.from({ length: at_once }, talk));
          return {
            done: talking,
            silence: () => {
              is_over = true;
              return talking;
            },
          };
        },
      };
    },

    async close(): Promise<void> {
      process.off("exit", killAll);
      for (const running of processes) await end(running, "SIGKILL");
      for (const receiver of receivers) receiver.close();
      await world.close();
      await sql.end();
    },
  };
}

export type Stage = Awaited<ReturnType<typeof openStage>>;
export type Tenant = Awaited<ReturnType<Stage["tenant"]>>;

interface Running {
  child: ChildProcess;
  is_doomed: boolean;
  said: string;
}

/** Asks again and again, and gives up after a minute. */
export async function until(is_so: () => boolean | Promise<boolean>, within_ms = patience_ms): Promise<void> {
  if (!(await becomes(is_so, within_ms))) throw new Error(`it did not come to pass within ${within_ms} ms`);
}

export async function becomes(is_so: () => boolean | Promise<boolean>, within_ms: number): Promise<boolean> {
  const give_up_ms = Date.now() + within_ms;
  while (!(await is_so())) {
    if (Date.now() > give_up_ms) return false;
    await sleep(50);
  }
  return true;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
