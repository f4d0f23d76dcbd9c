/** What a connection that fell silent is said to have died of, as the system would say it after a quarter of an hour. */
const silent = "ETIMEDOUT";

/** One connection, and what is asked of it at this moment. */
interface Lane<T> {
  client: T;
  /** Statements that were sent and not answered. */
  pending: number;
  /** A transaction has it to itself. */
  is_taken: boolean;
  /** How those who wait for an answer are told that none will come. */
  give_up: Set<(loss: Error) => void>;
  /** When the server was last heard, or first had something to answer. */
  heard_ms: number;
}

export type Purpose = "statement" | "transaction";

interface Waiting<T> {
  purpose: Purpose;
  go: (lane: Lane<T>) => void;
}

/** A driver, of which the pool wants clients of one connection each. */
interface Driver<T> {
  open(): T;
  close(client: T): Promise<void>;
  /** Whether the connection broke, rather than that something was refused on it. */
  isLoss(error: unknown): boolean;
}

interface Bounds {
  /** How long a server that has something to answer may say nothing. Beyond what it allows itself, or it would be given up too early. */
  silence_ms: Record<Purpose, number>;
  looked_every_ms?: number;
}

/**
 * Which connection is asked next. A statement goes to a free one; where none is free, behind as few others as possible.
 * A transaction waits for a connection of its own, and whoever comes after one that waits, waits too.
 *
 * The driver's own pool keeps a place in a list for each statement it runs, until at some moment all of its connections
 * are busy, and searches that list for each (postgres 3.4.9, queue.js): in a service that is never so busy, every
 * statement takes longer than the one before. A client of one connection has no such list. And what it reconnects after the
 * database ended it fails its next statement with the error of the last one (connection.js): such a client is replaced.
 *
 * A connection may also fall silent without an end, as when an address moves to another host: nobody says so, but a server
 * that keeps its own time limits always answers within them. So a lane that is silent for longer is given up.
 */
export class Pool<T> {
  readonly #driver: Driver<T>;
  readonly #lanes: Lane<T>[];
  readonly #waiting: Waiting<T>[] = [];
  readonly #silence_ms: Record<Purpose, number>;
  readonly #watch: NodeJS.Timeout;

  constructor(size: number, driver: Driver<T>, { silence_ms, looked_every_ms = 1000 }: Bounds) {
    this.#driver = driver;
    this.#silence_ms = silence_ms;
    this.#lanes = Array.from({ length: size }, () => ({
      client: driver.open(),
      pending: 0,
      is_taken: false,
      give_up: new Set(),
      heard_ms: 0,
    }));
    this.#watch = setInterval(() => this.#giveUpSilent(), looked_every_ms).unref();
  }

  /** Whoever hears of the server before the work is over, as within a transaction, says so by `heard`. */
  async use<R>(purpose: Purpose, work: (client: T, heard: () => void) => PromiseLike<R>): Promise<R> {
    const lane = (this.#waiting.length === 0 && this.#take(purpose)) || (await this.#turn(purpose));
    const { client } = lane;
    const heard = (): void => {
      if (lane.client === client) lane.heard_ms = performance.now();
    };
    if (lane.give_up.size === 0) heard();
    let giveUp: (loss: Error) => void = () => {};
    try {
      return await new Promise<R>((resolve, reject) => {
        giveUp = reject;
        lane.give_up.add(giveUp);
        work(client, heard).then(resolve, reject);
      });
    } catch (error) {
      if (this.#driver.isLoss(error)) this.#replace(lane, client);
      throw error;
    } finally {
      lane.give_up.delete(giveUp);
      if (purpose === "transaction") lane.is_taken = false;
      else lane.pending -= 1;
      heard();
      this.#goOn();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await Promise.all(this.#lanes.map(({ client }) => this.#driver.close(client)));
  }

  /** Once, however many statements were under way on it. */
  #replace(lane: Lane<T>, broken: T): void {
    if (lane.client !== broken) return;
    lane.client = this.#driver.open();
    lane.heard_ms = performance.now();
    this.#driver.close(broken).catch(() => {});
  }

  #giveUpSilent(): void {
    const now_ms = performance.now();
    for (const lane of this.#lanes) {
      const silence_ms = this.#silence_ms[lane.is_taken ? "transaction" : "statement"];
      const { heard_ms, client, give_up } = lane;
      if (give_up.size === 0 || now_ms - heard_ms < silence_ms) continue;
      this.#replace(lane, client);
      for (const giveUp of give_up) giveUp(Object.assign(new Error(`the database said nothing for ${silence_ms} ms`), { code: silent }));
      // What was not heard of since either is as silent, most likely, and to open it again costs little.
      for (const idle of this.#lanes) if (idle.give_up.size === 0 && idle.heard_ms < heard_ms) this.#replace(idle, idle.client);
    }
  }

  #take(purpose: Purpose): Lane<T> | undefined {
    const lane = this.#find(purpose);
    if (!lane) return undefined;
    if (purpose === "transaction") lane.is_taken = true;
    else lane.pending += 1;
    return lane;
  }

  /** The first free one, so that no more connections are opened than are needed. */
  #find(purpose: Purpose): Lane<T> | undefined {
    let least: Lane<T> | undefined;
    for (const lane of this.#lanes) {
      if (lane.is_taken) continue;
      if (lane.pending === 0) return lane;
      if (purpose === "statement" && lane.pending < (least?.pending ?? Infinity)) least = lane;
    }
    return least;
  }

  #turn(purpose: Purpose): Promise<Lane<T>> {
    return new Promise((go) => this.#waiting.push({ purpose, go }));
  }

  #goOn(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const lane = this.#take(next.purpose);
      if (!lane) return;
      this.#waiting.shift();
      next.go(lane);
    }
  }
}
