import type { Socket } from "node:net";
import { type buildConnector, Client } from "undici";
import type { Network } from "../core/context.ts";
import { minutes, seconds } from "../core/time.ts";
import { vet } from "./address-guard.ts";
import { AttemptOver, type Attempt } from "./attempt.ts";
import { openSocket, type Way } from "./socket.ts";

const connections_per_origin = 64;
/** An older connection is closed when it is free: its address was judged when it was made. */
const connection_age_at_most_ms = minutes(1);
const headers_at_most_bytes = 16 * 1024;

/**
 * The connections to one origin, and the attempts that wait for one. Not undici's Agent: it loses sight of a
 * connection whose request was aborted, which then counts neither for its bound nor when it closes.
 */
export class Origin {
  readonly #open: (pool: Origin) => Connection;
  readonly #onEmpty: () => void;
  readonly #connections = new Set<Connection>();
  #free: Connection[] = [];
  readonly #waiting: Attempt[] = [];
  #onClosed: (() => void) | undefined;

  constructor(open: (pool: Origin) => Connection, onEmpty: () => void) {
    this.#open = open;
    this.#onEmpty = onEmpty;
  }

  send(attempt: Attempt): void {
    // The last that came free goes first: those that are not needed stay idle and are closed.
    const connection = this.#free.pop() ?? this.#another();
    if (connection) return connection.carry(attempt);
    this.#waiting.push(attempt);
  }

  /** The share of its connections that nobody has and nobody waits for. */
  room(): number {
    const taken = this.#connections.size - this.#free.length + this.#waiting.length;
    return Math.max(0, 1 - taken / connections_per_origin);
  }

  #another(): Connection | undefined {
    if (this.#connections.size >= connections_per_origin) return undefined;
    const connection = this.#open(this);
    this.#connections.add(connection);
    return connection;
  }

  release(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next) connection.carry(next);
    else if (this.#onClosed) this.discard(connection);
    else this.#free.push(connection);
  }

  discard(connection: Connection): void {
    this.#free = this.#free.filter((other) => other !== connection);
    connection.close(() => {
      this.#connections.delete(connection);
      const next = this.#waiting.shift();
      if (next) return this.send(next);
      if (this.#connections.size > 0) return;
      this.#onEmpty();
      this.#onClosed?.();
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#onClosed = resolve;
      for (const connection of this.#free) this.discard(connection);
    });
  }
}

/** Carries one attempt at a time. The address is judged and pinned whenever its socket is made. */
export class Connection {
  is_made = false;
  remote_address: string | null = null;
  readonly #url: URL;
  readonly #network: Network;
  readonly #way: Way;
  readonly #pool: Origin;
  readonly #client: Client;
  #attempt: Attempt | undefined;
  #made_ms = 0;
  #is_retired = false;

  constructor(url: URL, network: Network, way: Way, pool: Origin) {
    this.#url = url;
    this.#network = network;
    this.#way = way;
    this.#pool = pool;
    this.#client = new Client(url, {
      connect: (_, done) => this.#connect(done),
      pipelining: 1,
      maxHeaderSize: headers_at_most_bytes,
      keepAliveTimeout: seconds(4),
      keepAliveMaxTimeout: seconds(10),
      // The attempt has one deadline for everything. Undici's are idle timers, which a dripping receiver renews.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // With an attempt that was not sent yet, undici makes a new socket. Without one the connection has served.
    this.#client.on("disconnect", () => {
      if (!this.#attempt) this.#retire();
    });
  }

  carry(attempt: Attempt): void {
    this.#attempt = attempt;
    attempt.begin(this);
    this.#client.dispatch(attempt.request, attempt);
  }

  /** The attempt is over. Undici is still in the middle of saying so: what follows waits until it has finished. */
  free(is_fit: boolean): void {
    this.#attempt = undefined;
    queueMicrotask(() => {
      if (!is_fit || performance.now() - this.#made_ms > connection_age_at_most_ms) this.#retire();
      else if (!this.#is_retired) this.#pool.release(this);
    });
  }

  #retire(): void {
    if (this.#is_retired) return;
    this.#is_retired = true;
    this.#pool.discard(this);
  }

  close(done: () => void): void {
    this.#is_retired = true;
    this.#client.destroy(null, done);
  }

  /** Undici asks for a socket. It is told once, at the latest when the attempt is over. */
  #connect(done: buildConnector.Callback): void {
    const attempt = this.#attempt;
    let opening: { destroy(): void } | undefined;
    let is_told = false;
    const tell = (error: Error | undefined, socket?: Socket): void => {
      if (is_told) return;
      is_told = true;
      if (socket) {
        this.is_made = true;
        this.#made_ms = performance.now();
        return done(null, socket);
      }
      opening?.destroy();
      done(error ?? new AttemptOver(), null);
    };

    this.is_made = false;
    this.remote_address = null;
    if (attempt) attempt.stop = tell;
    this.#vetFor(attempt)
      .then((addresses) => {
        if (is_told) return;
        opening = openSocket(this.#url, addresses, this.#way, {
          reached: (address) => (this.remote_address = address),
          opened: (socket) => tell(undefined, socket),
          failed: tell,
        });
      })
      .catch(tell);
  }

  /** For an attempt that is over nobody would end the connecting. */
  async #vetFor(attempt: Attempt | undefined): Promise<string[]> {
    if (!attempt || attempt.is_settled) throw new AttemptOver();
    return vet(this.#url, this.#network);
  }
}
