/** One connection, and what is asked of it at this moment. */
interface Lane<T> {
  client: T;
  /** Statements that were sent and not answered. */
  pending: number;
  /** A transaction has it to itself. */
  is_taken: boolean;
}

type Purpose = "statement" | "transaction";

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

/**
 * Which connection is asked next. A statement goes to a free one; where none is free, behind as few others as possible.
 * A transaction waits for a connection of its own, and whoever comes after one that waits, waits too.
 *
 * The driver's own pool keeps a place in a list for each statement it runs, until at some moment all of its connections
 * are busy, and searches that list for each (postgres 3.4.9, queue.js): in a service that is never so busy, every
 * statement takes longer than the one before. A client of one connection has no such list. And what it reconnects after the
 * database ended it fails its next statement with the error of the last one (connection.js): such a client is replaced.
 */
export class Pool<T> {
  readonly #driver: Driver<T>;
  readonly #lanes: Lane<T>[];
  readonly #waiting: Waiting<T>[] = [];

  constructor(size: number, driver: Driver<T>) {
    this.#driver = driver;
    this.#lanes = Array.from({ length: size }, () => ({ client: driver.open(), pending: 0, is_taken: false }));
  }

  async use<R>(purpose: Purpose, work: (client: T) => PromiseLike<R>): Promise<R> {
    const lane = (this.#waiting.length === 0 && this.#take(purpose)) || (await this.#turn(purpose));
    const { client } = lane;
    try {
      return await work(client);
    } catch (error) {
      if (this.#driver.isLoss(error)) this.#replace(lane, client);
      throw error;
    } finally {
      if (purpose === "transaction") lane.is_taken = false;
      else lane.pending -= 1;
      this.#goOn();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map(({ client }) => this.#driver.close(client)));
  }

  /** Once, however many statements were under way on it. */
  #replace(lane: Lane<T>, broken: T): void {
    if (lane.client !== broken) return;
    lane.client = this.#driver.open();
    this.#driver.close(broken).catch(() => {});
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
