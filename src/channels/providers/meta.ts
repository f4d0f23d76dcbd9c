import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Network } from "../../core/context.ts";
import { epochMs, hours, seconds, timestamp, type Timestamp } from "../../core/time.ts";
import { meaningOf } from "./meta-errors.ts";
import type { Credentials, HookRequest, InboundEvent, SendError, SendOutcome } from "./provider.ts";

/** What WhatsApp, Instagram and Messenger share: the hook's two questions, the reading of JSON, and the Graph API. */

// The hook

/** Answers `hub.challenge` to a subscription that knows the channel's `verify_token`. */
export function handshake(query: URLSearchParams, credentials: Credentials): string | undefined {
  if (query.get("hub.mode") !== "subscribe") return undefined;
  if (!sameSecret(query.get("hub.verify_token") ?? undefined, credentials["verify_token"])) return undefined;
  return query.get("hub.challenge") ?? undefined;
}

/** `X-Hub-Signature-256: sha256=<hex HMAC-SHA256(app secret, the bytes)>`. */
export function verify(request: HookRequest, credentials: Credentials): boolean {
  const app_secret = credentials["app_secret"];
  const given = /^sha256=([0-9a-f]{64})$/i.exec(request.header("x-hub-signature-256") ?? "")?.[1];
  if (!app_secret || !given) return false;
  return timingSafeEqual(createHmac("sha256", app_secret).update(request.raw).digest(), Buffer.from(given, "hex"));
}

/** Compares in constant time. Hashed first, so that not even the length shows; a secret that is not set equals nothing. */
export function sameSecret(given: string | undefined, expected: string | undefined): boolean {
  if (!given || !expected) return false;
  const digest = (secret: string) => createHash("sha256").update(secret).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

// Reading what a callback says

/** Reads a callback, and never throws. One that cannot be understood as a whole is one ignored event, known by its bytes. */
export function readCallback(raw: Uint8Array, received_at: Timestamp, read: (body: unknown) => InboundEvent[]): InboundEvent[] {
  const said = new TextDecoder().decode(raw);
  const ignored = (why: string): InboundEvent[] => [
    { kind: "ignored", why, dedupe_key: `body:${hashOf(raw)}`, account_id: "", occurred_at: received_at, raw: said },
  ];
  const body = readJson(said);
  if (body === undefined) return ignored("not JSON");
  try {
    const events = read(body);
    return events.length > 0 ? events : ignored("nothing in it is known here");
  } catch (error) {
    return ignored(cut(`unreadable: ${String(error)}`, detail_limit));
  }
}

/** Undefined where it is not JSON, or nested so deeply that it could not be written again. */
export function readJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    JSON.stringify(value);
    return value;
  } catch {
    return undefined;
  }
}

export const hashOf = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

/** The value at a path of unknown JSON; undefined where the path ends early. */
export function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (parent, key) =>
      typeof parent === "object" && parent !== null && Object.hasOwn(parent, key) ? (parent as Record<string, unknown>)[key] : undefined,
    value,
  );
}

export const listAt = (value: unknown, ...path: string[]): unknown[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
};

/** A text that is not empty, or a number as text; otherwise null. */
export function textAt(value: unknown, ...path: string[]): string | null {
  const found = at(value, ...path);
  if (typeof found === "number") return String(found);
  return typeof found === "string" && found !== "" ? storable(found) : null;
}

/** The longest id that is believed: ids are kept in indexes, whose rows are bounded. */
const id_limit = 300;

export function idAt(value: unknown, ...path: string[]): string | null {
  const id = textAt(value, ...path);
  return id !== null && id.length <= id_limit ? id : null;
}

/** PostgreSQL keeps neither NUL nor half a surrogate pair; a message must not be lost over one. */
const storable = (text: string): string => text.replaceAll("\0", "\u{FFFD}").toWellFormed();

/** A text to be kept: at most so many UTF-16 units, never half a character. */
export function cut(text: string, max: number): string {
  return storable(text.length <= max ? text : `${text.slice(0, max - 1).replace(/\p{Surrogate}$/u, "")}…`);
}

const earliest_ms = Date.UTC(2009, 0);
const clock_skew_ms = hours(1);

/** The provider's own time. One that is missing, or that cannot be, is the time of arrival. */
export function timeAt(received_at: Timestamp, value: unknown, ...path: string[]): Timestamp {
  const epoch_ms = epochMsOf(textAt(value, ...path) ?? "");
  const possible = epoch_ms >= earliest_ms && epoch_ms <= epochMs(received_at) + clock_skew_ms;
  return possible ? timestamp(epoch_ms) : received_at;
}

/** Counted in seconds, such a number is in the year 5138; in milliseconds, in 1973. */
const milliseconds_from = 1e11;

/** WhatsApp counts seconds, Messenger and Instagram milliseconds, some fields are ISO 8601. */
function epochMsOf(said: string): number {
  if (/^\d{4}-\d\d-\d\dT/.test(said)) return epochMs(said);
  if (!/^\d+$/.test(said)) return NaN;
  const number = Number(said);
  return number < milliseconds_from ? seconds(number) : number;
}

// The Graph API

/** In all: the connection, the question and the answer. */
const send_timeout_ms = seconds(10);
const longest_wait_ms = hours(24);
const detail_limit = 500;

export interface GraphSend {
  url: string;
  body: object;
  /** Where the answer tells the message's id. */
  readId(answer: unknown): string | null;
}

/**
 * Posts one message to the Graph API. `retry` only if it certainly was not executed: never connected, or
 * refused by Meta in so many words. What a gateway says of a request it passed on proves nothing.
 */
export async function postMessage(send: GraphSend, credentials: Credentials, network: Network): Promise<SendOutcome> {
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

/** Ours to refuse: the provider was not asked. */
export const refused = (code: SendError["code"], detail: string): SendOutcome => ({
  outcome: "failed",
  error: { code, detail, provider_code: null },
});

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
