import { createLog } from "../../src/bin/log.ts";
import type { Log } from "../../src/core/context.ts";

/** What is recognised wherever it stands: keys, what signs webhooks, and who a visitor is. */
const secrets = [/wsk_live_[0-9A-Za-z]{38}/, /whsec_[0-9A-Za-z+/=]{16,}/, /wvt_[\w-]{16,}/];

/** What a body's other fields may say is no secret; these say what people write, and what opens doors. */
const untold_fields = new Set([
  "text",
  "body",
  "caption",
  "app_secret",
  "access_token",
  "verify_token",
  "auth_token",
  "token",
  "hash",
  "password",
  "current_password",
  "new_password",
]);

/** Shorter text may stand in a log by chance. */
const shortest = 5;

const untold = new Set<string>();
const written: string[] = [];
let judged = 0;
export const judgedLines = (): number => judged;

/** The service's own log at its most talkative, into memory. */
export const keptLog: Log = createLog("debug", { write: (line) => void written.push(line) });

/** Until this test is over no line may hold these. */
export function neverTell(...texts: string[]): void {
  for (const text of texts) if (text.length >= shortest) untold.add(text);
}

/** The same for what a request says of people and of secrets. */
export function neverTellWhatIsIn(body: unknown): void {
  if (typeof body === "string") return neverTellWhatIsIn(parsed(body));
  if (body === null || typeof body !== "object") return;
  for (const [name, value] of Object.entries(body) as [string, unknown][]) {
    if (typeof value === "string" && untold_fields.has(name)) neverTell(value);
    if (typeof value === "object") neverTellWhatIsIn(value);
  }
}

/** The lines of the test that is over which tell what they must not. */
export function takeLeaks(): string[] {
  const lines = written.splice(0);
  judged += lines.length;
  const leaks = lines.filter((line) => secrets.some((secret) => secret.test(line)) || [...untold].some((text) => holds(line, text)));
  untold.clear();
  return leaks;
}

/** A line is JSON, and escapes what it holds. */
const holds = (line: string, text: string): boolean => line.includes(JSON.stringify(text).slice(1, -1));

/** What is no JSON is refused before anybody could tell of it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
