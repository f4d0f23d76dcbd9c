import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import type { TestProject } from "vitest/node";
import { errors, type ErrorCode } from "../../src/core/errors.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where every worker writes down the codes with which the service refused what a test asked. */
    refusals_file: string;
  }
}

/** What no door can answer yet. Who opens one takes its code out of here, or the suite fails. */
const without_a_door: readonly ErrorCode[] = [
  // Nothing that is asked for costs credits, until the AI's operations do.
  "insufficient_credits",
];

/** What comes of two requests in one moment, which the embedded database never sees. */
const of_two_at_once: readonly ErrorCode[] = ["idempotency_in_progress"];

const noted = new Set<string>();

/** Writes down what an answer refuses: at REST, the hooks and cron it is a problem, at the typed client's door there is one within. */
export function noteRefusals(content_type: string | null, text: string): void {
  if (text === "") return;
  if (!/^application\/(problem\+)?json/.test(content_type ?? "")) return;
  for (const code of codesIn(JSON.parse(text))) {
    if (noted.has(code)) continue;
    noted.add(code);
    appendFileSync(inject("refusals_file"), `${code}\n`);
  }
}

/** The same, of an answer that is still to be read. */
export async function noteRefusalsOf(response: Response): Promise<void> {
  if (response.status >= 400 || response.status === 207) noteRefusals(response.headers.get("content-type"), await response.clone().text());
}

export function codesIn(body: unknown): string[] {
  if (Array.isArray(body)) return body.flatMap(codesIn);
  const { code, type, error } = (body ?? {}) as { code?: string; type?: string; error?: { data?: { problem?: unknown } } };
  if (error?.data?.problem) return codesIn(error.data.problem);
  return code !== undefined && type !== undefined ? [code] : [];
}

/** What is wrong when these are all the codes that the suite was answered with. */
export function judgeRefusals(seen: readonly string[], { on_server }: { on_server: boolean }): string[] {
  return (Object.keys(errors) as ErrorCode[]).flatMap((code) => {
    if (!on_server && of_two_at_once.includes(code)) return [];
    const has_a_door = !without_a_door.includes(code);
    if (seen.includes(code) === has_a_door) return [];
    return [has_a_door ? `no test is answered ${code}` : `${code} is answered now: take it out of those without a door`];
  });
}

/** When all the suite has run, every code of the registry was answered through a door, or the run fails. */
export function watchRefusals(project: TestProject, about: { on_server: boolean }): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "wassla-refusals-"));
  const file = join(folder, "codes");
  writeFileSync(file, "");
  project.provide("refusals_file", file);
  return async () => {
    const seen = readFileSync(file, "utf8").split("\n");
    rmSync(folder, { recursive: true });
    const { logger, state } = project.vitest;
    const { testFiles } = await project.globTestFiles();
    if (state.getFiles().length < testFiles.length || project.config.testNamePattern !== undefined)
      return logger.log("A part of the suite ran: whether every refusal is produced by a test was not judged.");
    const faults = judgeRefusals(seen, about);
    if (faults.length === 0) return;
    for (const fault of faults) logger.error(fault);
    // Vitest only tells what a teardown throws.
    process.exitCode = 1;
  };
}
