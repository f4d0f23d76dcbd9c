import { hours, seconds } from "../../core/time.ts";
import { meaningOf } from "./meta-errors.ts";
import { refused, type Credentials, type SendError, type SendOutcome, type World } from "./provider.ts";
import { at, cut, detail_limit, listAt, readJson, textAt } from "./read.ts";

/** Sending by Meta's Graph API, and its errors. */

/** In all: the connection, the question and the answer. */
const send_timeout_ms = seconds(10);
const longest_wait_ms = hours(24);

interface GraphSend {
  url: string;
  body: object;
  /** Where the answer tells the message's id. */
  readId(answer: unknown): string | null;
}

/**
 * Posts one message to the Graph API. `retry` only if it certainly was not executed: never connected, or
 * refused by Meta in so many words. What a gateway says of a request it passed on proves nothing.
 */
export async function postMessage(send: GraphSend, credentials: Credentials, { network }: World): Promise<SendOutcome> {
  const access_token = credentials["access_token"] ?? "";
  if (!/^[\x21-\x7e]+$/.test(access_token)) return refused("channel_auth_failed", "The channel has no usable access token.");

  let response: Response;
  try {
    response = await network.fetch(send.url, {
      method: "POST",
      headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json", "user-agent": "Wassla/1.0.0" },
      body: JSON.stringify(send.body),
      redirect: "manual",
      signal: AbortSignal.timeout(send_timeout_ms),
    });
  } catch (error) {
    const detail = cut(`The provider could not be asked: ${reasonOf(error)}.`, detail_limit);
    if (!neverConnected(error)) return { outcome: "unknown", detail };
    return { outcome: "retry", error: { code: "provider_unavailable", detail, provider_code: null }, retry_after_ms: null };
  }
  return outcomeOf(response, await readAnswer(response, access_token), send);
}

/** Meta repeats a token that it cannot read in its message; what is kept of an answer is shown to others. */
async function readAnswer(response: Response, access_token: string): Promise<unknown> {
  try {
    return readJson((await response.text()).replaceAll(access_token, "[access token]"));
  } catch {
    return undefined;
  }
}

function outcomeOf(response: Response, answer: unknown, send: GraphSend): SendOutcome {
  const { status } = response;
  if (response.ok) {
    const external_id = send.readId(answer);
    return external_id
      ? { outcome: "sent", external_id, status: "sent" }
      : { outcome: "unknown", detail: `HTTP ${status} without a message id.` };
  }
  const said = at(answer, "error");
  if (status >= 500 && textAt(said, "code") === null)
    return { outcome: "unknown", detail: `HTTP ${status}, and not from the Graph API itself.` };
  const error = graphError(said, status);
  if (!meaningOf(textAt(said, "code"), textAt(said, "error_subcode"), status).retryable) return { outcome: "failed", error };
  return { outcome: "retry", error, retry_after_ms: retryAfterMs(response.headers.get("retry-after")) };
}

/** An error as the Graph API and its webhooks tell it, with Meta's code, subcode and trace id. */
export function graphError(said: unknown, http_status: number | null): SendError {
  const [code, subcode, trace] = [textAt(said, "code"), textAt(said, "error_subcode"), textAt(said, "fbtrace_id")];
  const told = [textAt(said, "message") ?? textAt(said, "title"), textAt(said, "error_data", "details") ?? textAt(said, "error_user_msg")];
  const words =
    [...new Set(told)].filter((text) => text !== null).join(": ") || (http_status ? `HTTP ${http_status}` : "No reason was given");
  return {
    code: meaningOf(code, subcode, http_status).code,
    detail: cut(words, detail_limit - 100) + (trace ? ` (fbtrace_id ${cut(trace, 60)})` : ""),
    provider_code: code && cut(subcode ? `${code}/${subcode}` : code, 40),
  };
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
