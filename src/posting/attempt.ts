import { StringDecoder } from "node:string_decoder";
import type { Dispatcher } from "undici";
import type { AttemptError, PostOutcome } from "../core/poster.ts";
import { BlockedAddress, NameNotResolved } from "./address-guard.ts";
import type { Connection } from "./connections.ts";
import { NoWayOut } from "./socket.ts";

/** A response up to here is read to its end, so that the connection can be used again. */
const read_at_most_bytes = 64 * 1024;
const recorded_headers_at_most_chars = 4096;

export class AttemptOver extends Error {}

interface Terms {
  timeout_ms: number;
  body_cap_bytes: number;
  onCarried: (() => void) | undefined;
  tell: (outcome: PostOutcome) => void;
}

/** One request and what comes of it. It settles once; what undici says of it later is ignored. */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly request: Dispatcher.DispatchOptions;
  is_settled = false;
  /** What carries it, once one is free. */
  connection: Connection | undefined;
  /** Ends what it is in: the connecting or the exchange. */
  stop: ((reason: Error) => void) | undefined;

  readonly #terms: Terms;
  #started_ms = 0;
  #timer: NodeJS.Timeout | undefined;
  #status_code: number | null = null;
  #headers: RawHeaders = {};
  readonly #chunks: Buffer[] = [];
  #read_bytes = 0;
  #has_ended = false;

  constructor(request: Dispatcher.DispatchOptions, terms: Terms) {
    this.request = request;
    this.#terms = terms;
  }

  /** Its time runs from here on. */
  begin(connection: Connection): void {
    this.connection = connection;
    this.#terms.onCarried?.();
    this.#started_ms = performance.now();
    // One turn of the loop more: what has arrived in time may still lie unread in the socket.
    this.#timer = setTimeout(() => setImmediate(() => this.#cut("timeout")), this.#terms.timeout_ms);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.stop = (reason) => controller.abort(reason);
    if (this.is_settled) this.stop(new AttemptOver());
  }

  onResponseStart(_: Dispatcher.DispatchController, status_code: number, headers: RawHeaders): void {
    if (status_code < 200) return;
    this.#status_code = status_code;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#read_bytes < this.#terms.body_cap_bytes) this.#chunks.push(chunk);
    this.#read_bytes += chunk.length;
    if (this.#read_bytes > read_at_most_bytes) this.#cut();
  }

  onResponseEnd(): void {
    this.#has_ended = true;
    this.connection?.free(true);
    this.#settle();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.connection?.free(false);
    this.#settle(classOf(error, this.connection?.is_made ?? false));
  }

  #cut(failure?: AttemptError): void {
    if (this.is_settled) return;
    this.#settle(failure);
    this.stop?.(new AttemptOver());
  }

  /** The head decides: once it has come, what becomes of the body changes nothing and no failure counts. */
  #settle(failure: AttemptError = "invalid_response"): void {
    if (this.is_settled) return;
    this.is_settled = true;
    clearTimeout(this.#timer);
    const status_code = this.#status_code;
    this.#terms.tell({
      status_code,
      error: status_code === null ? failure : isSuccess(status_code) ? null : "non_2xx",
      duration_ms: Math.round(performance.now() - this.#started_ms),
      response_headers: status_code === null ? null : recorded(this.#headers),
      response_body: status_code === null ? null : this.#text(),
      remote_address: this.connection?.remote_address ?? null,
    });
  }

  #text(): string {
    const chunks = this.#chunks.splice(0);
    const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    const is_whole = this.#has_ended && this.#read_bytes <= this.#terms.body_cap_bytes;
    // What was cut ends at a character's boundary: the decoder holds back the beginning of another.
    return clean(is_whole ? bytes.toString() : new StringDecoder().write(bytes.subarray(0, this.#terms.body_cap_bytes)));
  }
}

type RawHeaders = Record<string, string | string[] | undefined>;

const isSuccess = (status_code: number): boolean => status_code >= 200 && status_code < 300;

/** It decides when the next attempt is, and so has its room before the others. */
const decisive = "retry-after";

/** What is too long leaves its room to what follows. */
function recorded(headers: RawHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  let room = recorded_headers_at_most_chars;
  const keep = (name: string): void => {
    const value = headers[name] ?? "";
    const text = typeof value === "string" ? value : value.join(", ");
    const size = name.length + text.length;
    if (size > room) return;
    room -= size;
    kept[name] = clean(text);
  };
  if (decisive in headers) keep(decisive);
  for (const name in headers) if (name !== decisive) keep(name);
  return kept;
}

/** PostgreSQL takes no NUL. Nor does it take lone surrogates, but decoding bytes makes none. */
const clean = (text: string): string => text.replaceAll("\0", "\ufffd");

/** Why no response came. */
function classOf(error: Error & { code?: string }, is_connected: boolean): AttemptError {
  if (error instanceof BlockedAddress) return "blocked_address";
  if (error instanceof NameNotResolved) return "dns";
  if (error instanceof NoWayOut) return "service_error";
  const { code = "", message } = error;
  if (code === "ETIMEDOUT") return "timeout";
  if (code === "EPROTO" || /^ERR_(SSL|TLS)_/.test(code)) return "tls";
  if (code === "ECONNRESET" || code === "EPIPE") return "connection_reset";
  if (/^E[A-Z]+$/.test(code)) return is_connected ? "connection_reset" : "connection_refused";
  // Undici says "bad response" or "bad upgrade" of a 100 or 101 that nobody asked for.
  if (code === "UND_ERR_SOCKET" && !message.startsWith("bad ")) return "connection_reset";
  // Besides undici's and its parser's there are X.509's codes, which have no prefix.
  return is_connected || /^(UND_ERR|HPE)_/.test(code) ? "invalid_response" : "tls";
}
