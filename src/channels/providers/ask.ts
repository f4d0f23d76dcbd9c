import { hours, seconds } from "../../core/time.ts";
import type { SendOutcome, World } from "./provider.ts";
import { at, cut, detail_limit, listAt, readJson, textAt } from "./read.ts";

/** Asking a provider to send something, once. */

/** In all: the connection, the question and the answer. */
const send_timeout_ms = seconds(10);
const longest_wait_ms = hours(24);

interface Question {
  url: string;
  headers: Record<string, string>;
  body: string;
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

/** The provider's answer, or what follows from there being none: another try only if the question certainly never left. */
export async function ask({ url, headers, body, secret }: Question, { network }: World): Promise<ProviderAnswer | SendOutcome> {
  let response: Response;
  try {
    response = await network.fetch(url, {
      method: "POST",
      headers: { ...headers, "user-agent": "Wassla/1.0.0" },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(send_timeout_ms),
    });
  } catch (error) {
    const detail = cut(`The provider could not be asked: ${reasonOf(error)}.`, detail_limit);
    if (!neverConnected(error)) return { outcome: "unknown", detail };
    return { outcome: "retry", error: { code: "provider_unavailable", detail, provider_code: null }, retry_after_ms: null };
  }
  const { status, ok } = response;
  return { status, ok, said: await readAnswer(response, secret), retry_after_ms: retryAfterMs(response.headers.get("retry-after")) };
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

/** A name without an address, or a connection that was never made. One that broke may have carried the message. */
function neverConnected(error: unknown): boolean {
  const cause = at(error, "cause") ?? error;
  const attempts = listAt(cause, "errors");
  if (attempts.length > 0) return attempts.every(neverConnected);
  return ["connect", "getaddrinfo"].includes(textAt(cause, "syscall") ?? "") || textAt(cause, "code") === "UND_ERR_CONNECT_TIMEOUT";
}

const reasonOf = (error: unknown): string => {
  const cause = at(error, "cause") ?? error;
  return textAt(cause, "code") ?? (cause instanceof Error ? cause.name : "no reason was given");
};
