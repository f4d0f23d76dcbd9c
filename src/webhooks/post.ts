import { connect as connectTcp, isIP, type LookupFunction, type Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { connect as connectTls } from "node:tls";
import { Agent, type buildConnector, Client, type Dispatcher, Pool } from "undici";
import type { Network } from "../core/context.ts";
import { minutes, seconds } from "../core/time.ts";
import { BlockedAddress, NameNotResolved, vet } from "./address-guard.ts";
import type { AttemptError } from "./contract.ts";

export interface Poster {
  /** Makes one attempt. It never throws: whatever happens is an outcome. */
  post(request: PostRequest): Promise<PostOutcome>;
  /** Waits for the attempts that are on the wire, then closes every connection. */
  close(): Promise<void>;
}

export interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export interface PostOutcome {
  status_code: number | null;
  error: AttemptError | null;
  duration_ms: number;
  response_headers: Record<string, string> | null;
  /** The beginning of the body; null when there was no response. */
  response_body: string | null;
  remote_address: string | null;
}

export interface PosterOptions {
  /** For all of it: name, connection, TLS, headers. A body that takes longer is cut, not a failure. */
  timeout_ms?: number;
  body_cap_bytes?: number;
  /** Roots to trust instead of the system's, in PEM. */
  ca?: string;
}

/** Posts webhooks to addresses that the guard has judged, without following redirects. */
export function createPoster(network: Network, options: PosterOptions = {}): Poster {
  const { timeout_ms = seconds(10), body_cap_bytes = 4096, ca } = options;
  const agent = new Agent({
    factory: (origin) => new Pool(origin, { connections: connections_per_origin, factory: (url) => new Connection(url, network, ca) }),
  });
  let closed: Promise<void> | undefined;

  return {
    post: ({ url: text, headers, body }) =>
      new Promise((resolve) => {
        const attempt = new Attempt(timeout_ms, body_cap_bytes, resolve);
        if (!URL.canParse(text)) return attempt.settle("blocked_address");
        const url = new URL(text);
        const dispatch: Dispatch = { origin: url.origin, path: url.pathname + url.search, method: "POST", headers, body, attempt };
        agent.dispatch(dispatch, attempt);
      }),
    close: () => (closed ??= agent.close()),
  };
}

const connections_per_origin = 64;
/** A response up to here is read to its end, so that the connection can be used again. */
const read_at_most_bytes = 64 * 1024;
const headers_at_most_bytes = 16 * 1024;
const recorded_headers_at_most_chars = 4096;
/** An older connection is made anew, because its address was judged when it was made. */
const connection_age_at_most_ms = minutes(1);

/** What undici carries for us, past its pool, to the connection that is free. */
interface Dispatch extends Dispatcher.DispatchOptions {
  origin: string;
  attempt: Attempt;
}

/** One request and what comes of it. It settles once; undici's later news of it is ignored. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly started_ms = performance.now();
  settled = false;
  /** What carries it, once a connection is free. */
  line: Line | undefined;
  /** Ends what is under way: first the connecting, then the exchange. */
  stop: ((reason: Error) => void) | undefined;

  readonly #body_cap_bytes: number;
  readonly #resolve: (outcome: PostOutcome) => void;
  readonly #timer: NodeJS.Timeout;
  #status_code: number | null = null;
  #headers: RawHeaders = {};
  readonly #chunks: Buffer[] = [];
  #read_bytes = 0;
  #ended = false;

  constructor(timeout_ms: number, body_cap_bytes: number, resolve: (outcome: PostOutcome) => void) {
    this.#body_cap_bytes = body_cap_bytes;
    this.#resolve = resolve;
    // One turn of the loop more: what has arrived in time may still lie unread in the socket.
    this.#timer = setTimeout(() => setImmediate(() => this.#cut("timeout")), timeout_ms);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.stop = (reason) => controller.abort(reason);
    if (this.settled) this.stop(new AttemptOver());
  }

  onResponseStart(_: Dispatcher.DispatchController, status_code: number, headers: RawHeaders): void {
    if (status_code < 200) return;
    this.#status_code = status_code;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#read_bytes < this.#body_cap_bytes) this.#chunks.push(chunk);
    this.#read_bytes += chunk.length;
    if (this.#read_bytes > read_at_most_bytes) this.#cut("invalid_response");
  }

  onResponseEnd(): void {
    this.#ended = true;
    this.settle("invalid_response");
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (!this.settled) this.settle(classOf(error, this.line?.is_made ?? false));
  }

  #cut(failure: AttemptError): void {
    if (this.settled) return;
    this.settle(failure);
    this.stop?.(new AttemptOver());
  }

  /** The head decides: once it is here, what becomes of the body changes nothing and `failure` is not told. */
  settle(failure: AttemptError): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.#timer);
    const answered = this.#status_code !== null;
    const outcome: PostOutcome = {
      status_code: this.#status_code,
      error: this.#status_code === null ? failure : isSuccess(this.#status_code) ? null : "non_2xx",
      duration_ms: Math.round(performance.now() - this.started_ms),
      response_headers: answered ? recorded(this.#headers) : null,
      response_body: answered ? this.#text() : null,
      remote_address: this.line?.remote_address ?? null,
    };
    // Told once undici has the connection back, so that the next post finds it free.
    queueMicrotask(() => setImmediate(this.#resolve, outcome));
  }

  #text(): string {
    const chunks = this.#chunks.splice(0);
    const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    const whole = this.#ended && this.#read_bytes <= this.#body_cap_bytes;
    // What was cut ends at a character's boundary: the decoder keeps the rest of it back.
    return clean(whole ? bytes.toString() : new StringDecoder().write(bytes.subarray(0, this.#body_cap_bytes)));
  }
}

type RawHeaders = Record<string, string | string[] | undefined>;

const isSuccess = (status_code: number): boolean => status_code >= 200 && status_code < 300;

function recorded(headers: RawHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  let room = recorded_headers_at_most_chars;
  for (const name in headers) {
    const value = headers[name] ?? "";
    const text = typeof value === "string" ? value : value.join(", ");
    room -= name.length + text.length;
    if (room < 0) break;
    kept[name] = clean(text);
  }
  return kept;
}

/** PostgreSQL takes no NUL. Lone surrogates, which it does not take either, no decoder of bytes can make. */
const clean = (text: string): string => text.replaceAll("\0", "\ufffd");

/** One connection of an origin; with pipelining 1 it serves one attempt at a time. */
class Connection extends Client {
  readonly #line: Line;

  constructor(origin: URL, network: Network, ca: string | undefined) {
    const line = new Line(origin, network, ca);
    super(origin, {
      connect: line.connect,
      pipelining: 1,
      maxHeaderSize: headers_at_most_bytes,
      keepAliveTimeout: seconds(4),
      keepAliveMaxTimeout: seconds(10),
      // The attempt has one deadline for everything. Undici's are idle timers, which a dripping receiver renews.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#line = line;
  }

  override dispatch(options: Dispatch, handler: Dispatcher.DispatchHandler): boolean {
    const { attempt } = options;
    attempt.line = this.#line;
    this.#line.attempt = attempt;
    const is_old = this.#line.is_made && attempt.started_ms - this.#line.made_ms > connection_age_at_most_ms;
    return super.dispatch(is_old ? { ...options, reset: true } : options, handler);
  }
}

/** The wire of a connection: judged and pinned each time it is made. */
class Line {
  attempt: Attempt | undefined;
  is_made = false;
  made_ms = 0;
  remote_address: string | null = null;

  readonly #url: URL;
  readonly #network: Network;
  readonly #ca: string | undefined;

  constructor(url: URL, network: Network, ca: string | undefined) {
    this.#url = url;
    this.#network = network;
    this.#ca = ca;
  }

  /** Undici asks for a socket. It is told once, and at the latest when the attempt is over. */
  readonly connect = (_: buildConnector.Options, done: buildConnector.Callback): void => {
    const { attempt } = this;
    let socket: Socket | undefined;
    let is_over = false;
    const finish = (error?: Error): void => {
      if (is_over) return;
      is_over = true;
      if (attempt) attempt.stop = undefined;
      if (socket && !error) return done(null, socket);
      socket?.destroy();
      done(error ?? new AttemptOver(), null);
    };

    this.is_made = false;
    this.remote_address = null;
    if (attempt) attempt.stop = finish;
    this.#addresses(attempt)
      .then((addresses) => {
        if (is_over) return;
        socket = openSocket(this.#url, addresses, this.#ca)
          .once("connect", () => (this.remote_address = socket?.remoteAddress ?? null))
          .once(this.#url.protocol === "https:" ? "secureConnect" : "connect", () => {
            this.is_made = true;
            this.made_ms = performance.now();
            finish();
          })
          .on("error", finish);
      })
      .catch(finish);
  };

  /** Undici also reconnects for a request that was aborted; that ends here. */
  async #addresses(attempt: Attempt | undefined): Promise<string[]> {
    if (!attempt || attempt.settled) throw new AttemptOver();
    return vet(this.#url, this.#network);
  }
}

class AttemptOver extends Error {}

/** Connects to one of the judged addresses; SNI and the certificate's name stay the URL's. */
function openSocket(url: URL, addresses: string[], ca: string | undefined): Socket {
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$|\.$/g, "");
  const target = {
    host,
    port: Number(url.port || (secure ? 443 : 80)),
    lookup: pinned(addresses),
    autoSelectFamily: true,
    // Node gives up an address after 250 ms, which some ends of the world need.
    autoSelectFamilyAttemptTimeout: seconds(1),
  };
  const socket = secure
    ? connectTls({
        ...target,
        servername: isIP(host) ? "" : host,
        ALPNProtocols: ["http/1.1"],
        rejectUnauthorized: true,
        ...(ca !== undefined && { ca }),
      })
    : connectTcp(target);
  return socket.setNoDelay(true);
}

/** Never called for a literal address, which is why the guard is not here. */
const pinned =
  (addresses: string[]): LookupFunction =>
  (_hostname, _options, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    );

/** Why no response came. */
function classOf(error: Error & { code?: string }, is_connected: boolean): AttemptError {
  if (error instanceof BlockedAddress) return "blocked_address";
  if (error instanceof NameNotResolved) return "dns";
  const { code = "", message } = error;
  if (code === "ETIMEDOUT") return "timeout";
  if (code === "EPROTO" || /^ERR_(SSL|TLS)_/.test(code)) return "tls";
  if (code === "ECONNRESET" || code === "EPIPE") return "connection_reset";
  if (/^E[A-Z]+$/.test(code)) return is_connected ? "connection_reset" : "connection_refused";
  // Undici says "bad response" or "bad upgrade" of a 100 or 101 that nobody asked for.
  if (/^UND_ERR_(SOCKET|CLOSED|DESTROYED)$/.test(code) && !message.startsWith("bad ")) return "connection_reset";
  // Besides undici's and its parser's there are X.509's codes, which have no prefix.
  return is_connected || /^(UND_ERR|HPE)_/.test(code) ? "invalid_response" : "tls";
}
