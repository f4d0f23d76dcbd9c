import { Bell } from "../core/bell.ts";
import type { Sleeper } from "../core/context.ts";
import { ApiError, unavailable } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { minutes } from "../core/time.ts";

interface Bounds {
  most: number;
  /** A browser keeps six connections to a host; whoever has more pages open asks again and again instead. */
  most_of_one: number;
  /** Then a page opens another, and is admitted again. */
  longest_ms: number;
}

/** The pages that listen to this process at this moment. Each costs a socket and a look at the database now and then. */
export class Streams {
  readonly #bounds: Bounds;
  readonly #open = new Map<string, Set<Stream>>();
  readonly #listening = new Map<Sleeper, Set<Stream>>();
  #count = 0;
  #is_stopped = false;

  constructor(bounds: Partial<Bounds> = {}) {
    this.#bounds = { most: 2000, most_of_one: 4, longest_ms: minutes(15), ...bounds };
  }

  open(visitor: string): Stream {
    const { most, most_of_one, longest_ms } = this.#bounds;
    if (this.#is_stopped || this.#count >= most) throw unavailable();
    const theirs = this.#open.get(visitor)?.size ?? 0;
    if (theirs >= most_of_one) {
      throw new ApiError("too_many_requests", {
        detail: `The visitor has ${most_of_one} streams open already: ask for what came with GET /widget/v1/messages?after=…`,
        headers: { "Retry-After": "60" },
      });
    }
    this.#count += 1;
    const stream: Stream = new Stream(longest_ms, {
      listen: (whom) => add(this.#listening, whom, stream),
      close: (heard) => {
        this.#count -= 1;
        remove(this.#open, visitor, stream);
        for (const whom of heard) remove(this.#listening, whom, stream);
      },
    });
    add(this.#open, visitor, stream);
    return stream;
  }

  /** A commit, here or in another process, is of interest to these. */
  wake(whom: Sleeper): void {
    for (const stream of this.#listening.get(whom) ?? []) stream.ring();
  }

  /** The process is to end: every stream does, and none is opened any more. */
  stop(): void {
    this.#is_stopped = true;
    this.drop();
  }

  /** Every stream ends; the pages open others. */
  drop(): void {
    for (const theirs of this.#open.values()) for (const stream of theirs) stream.close();
  }

  get count(): number {
    return this.#count;
  }
}

interface Registry {
  listen(whom: Sleeper): void;
  close(heard: ReadonlySet<Sleeper>): void;
}

/** One page that listens. */
export class Stream {
  readonly #registry: Registry;
  readonly #bell = new Bell();
  readonly #heard = new Set<Sleeper>();
  readonly #end: NodeJS.Timeout;
  #has_news = true;
  #is_open = true;

  constructor(longest_ms: number, registry: Registry) {
    this.#registry = registry;
    this.#end = setTimeout(() => this.close(), longest_ms);
    this.#end.unref();
  }

  get is_open(): boolean {
    return this.#is_open;
  }

  listenTo(contact_id: Id<"cont">): void {
    const whom: Sleeper = `visitor:${contact_id}`;
    if (!this.#is_open || this.#heard.has(whom)) return;
    this.#heard.add(whom);
    this.#registry.listen(whom);
  }

  ring(): void {
    this.#has_news = true;
    this.#bell.ring();
  }

  /** It was rung, and nobody has looked since. Who has just come has not looked at all. */
  get has_news(): boolean {
    return this.#has_news;
  }

  takeNews(): boolean {
    const had = this.#has_news;
    this.#has_news = false;
    return had;
  }

  heard(at_most_ms: number): Promise<void> {
    return this.#is_open ? this.#bell.heard(at_most_ms) : Promise.resolve();
  }

  close(): void {
    if (!this.#is_open) return;
    this.#is_open = false;
    clearTimeout(this.#end);
    this.#registry.close(this.#heard);
    this.#bell.ring();
  }
}

function add<K>(map: Map<K, Set<Stream>>, key: K, stream: Stream): void {
  const set = map.get(key) ?? new Set();
  map.set(key, set.add(stream));
}

function remove<K>(map: Map<K, Set<Stream>>, key: K, stream: Stream): void {
  const set = map.get(key);
  set?.delete(stream);
  if (set?.size === 0) map.delete(key);
}
