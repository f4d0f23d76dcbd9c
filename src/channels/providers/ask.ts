import { hours, seconds } from "../../core/time.ts";
import { ownError, type SendOutcome, type World } from "./provider.ts";
import { at, cut, detail_limit, listAt, readJson, textAt } from "./read.ts";

/** In all: the connection, the question and the answer. */
const answer_timeout_ms = seconds(10);
const longest_wait_ms = hours(24);

interface Question {
  url: string;
  headers: Record<string, string>;
  /** What is to be done; a question without one only reads. */
  body?: string;
  /** What the answer may repeat, and nobody may read: what is kept of an answer is shown to others. */
  secret: string;
}

export interface ProviderAnswer {
  status: number;
  ok: boolean;
  /** Undefined where it is not JSON, or breaks off. */
  said: unknown;
  retry_after_ms: number | null;
}

export type NoAnswer = Extract<SendOutcome, { outcome: "retry" | "unknown" }>;

/** Asks a provider something, once. Where no answer comes: another try only if the question certainly never left. */
export async function ask({ url, headers, body, secret }: Question, { network }: World): Promise<ProviderAnswer | NoAnswer> {
  let response: Response;
  try {
    response = await network.fetch(url, {
      headers: { ...headers, "user-agent": "Wassla/1.0.0" },
      ...(body !== undefined && { method: "POST", body }),
      redirect: "manual",
      signal: AbortSignal.timeout(answer_timeout_ms),
    });
  } catch (error) {
    const detail = cut(`The provider could not be asked: ${reasonOf(error)}.`, detail_limit);
    if (!neverConnected(error)) return { outcome: "unknown", detail };
    return { outcome: "retry", error: ownError("provider_unavailable", detail), retry_after_ms: null };
  }
  const { status, ok } = response;
  return { status, ok, said: await readAnswer(response, secret), retry_after_ms: retryAfterMs(response.headers.get("retry-after")) };
}

/** A name without an address, or a connection that was never made. One that broke may have carried the message. */
function neverConnected(error: unknown): boolean {
  const cause = at(error, "cause") ?? error;
  const attempts = listAt(cause, "errors");
  if (attempts.length > 0) return attempts.every(neverConnected);
  return ["connect", "getaddrinfo"].includes(textAt(cause, "syscall") ?? "") || textAt(cause, "code") === "UND_ERR_CONNECT_TIMEOUT";
}

function reasonOf(error: unknown): string {
  const cause = at(error, "cause") ?? error;
  return textAt(cause, "code") ?? (cause instanceof Error ? cause.name : "no reason was given");
}

async function readAnswer(response: Response, secret: string): Promise<unknown> {
  try {
    return readJson((await response.text()).replaceAll(secret, "[secret]"));
  } catch {
    return undefined;
  }
}

function retryAfterMs(header: string | null): number | null {
  return header !== null && /^\d+$/.test(header) ? Math.min(seconds(Number(header)), longest_wait_ms) : null;
}
