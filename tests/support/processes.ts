import { spawn, type ChildProcessByStdio } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openAsBlob, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { inject, onTestFinished } from "vitest";
import { connectEmbedded } from "../../src/db/connect.ts";

/** What a test of processes may take where others work beside it; alone it takes a tenth. */
export const patience_ms = 120_000;

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A folder that is not there yet, to be a `DATA_DIR`. */
export function freshFolder(): string {
  const place = mkdtempSync(join(tmpdir(), "wassla-bin-"));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  return join(place, "data");
}

/** A `DATA_DIR` whose database is made already: a process opens it in a fraction of the time that making one takes. */
export async function preparedFolder(): Promise<string> {
  const folder = freshFolder();
  const template = inject("template");
  if (template.kind !== "embedded") throw new Error("this is for the embedded database");
  mkdirSync(folder);
  const connection = await connectEmbedded({ folder: join(folder, "pg"), dump: await openAsBlob(template.dump) });
  await connection.close();
  return folder;
}

/** A port that nobody listens on; below those of which any may be taken by a connection in the next moment. */
export async function freePort(): Promise<string> {
  const port = String(randomInt(10_000, 20_000));
  return (await isRefused(port)) ? port : freePort();
}

/** Whether nobody listens. Who does is not asked anything, and need not have time. */
export const isRefused = (port: number | string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port: Number(port), host: "127.0.0.1" });
    socket.on("error", () => resolve(true));
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** None of the settings of whoever runs the tests. */
export function bareEnvironment(settings: Record<string, string>): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, ...settings };
}

/** Starts a file of the sources as a process of its own. */
export const start = (file: string, args: string[] = [], env: Record<string, string> = {}) =>
  startCommand(process.execPath, ["--import", "tsx", file, ...args], env);

/** Starts a process in the project's folder, with exactly this environment. It does not outlive the test. */
export function startCommand(command: string, args: string[], env: Record<string, string>) {
  const child: Child = spawn(command, args, {
    cwd: root,
    env: bareEnvironment(env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (output.stderr += text));
  const ended = once(child, "close").then(([code]): Outcome => ({ code: code as number | null, ...output }));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, output, ended, pid: child.pid! };
}

/** Waits until the output has it, or fails with what the process said instead. */
export async function until({ child, output }: ReturnType<typeof start>, pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const found = pattern.exec(output.stdout);
    if (found) return found;
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${output.stdout}${output.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A process that answers each line it is told with one of its own. */
export async function startAnswering(file: string, args: string[]) {
  const running = start(file, args);
  const lines = createInterface({ input: running.child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => ((await lines.next()) as { value: string }).value;
  await answer();
  return {
    ...running,
    tell: (line: string): Promise<string> => {
      running.child.stdin.write(`${line}\n`);
      return answer();
    },
  };
}
