import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { specificationFile } from "./payloads.ts";
import { bareEnvironment, freePort } from "./processes.ts";

const prism = fileURLToPath(new URL("../../node_modules/@stoplight/prism-cli/dist/index.js", import.meta.url));

/** A provider's own specification, come alive on this machine: what it does not allow is answered with 422. */
export async function createValidatingTwin(name: string): Promise<{ url: string }> {
  const port = await freePort();
  const args = [prism, "mock", "--host", "127.0.0.1", "--port", port, "--multiprocess", "false", "--errors", specificationFile(name)];
  const child = spawn(process.execPath, args, { env: bareEnvironment({ SCARF_ANALYTICS: "false" }), stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void child.kill());
  for await (const line of createInterface(child.stdout)) if (line.includes("is listening on")) break;
  child.stdout.resume();
  return { url: `http://127.0.0.1:${port}` };
}
