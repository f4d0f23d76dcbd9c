import { Bell } from "../core/bell.ts";
import type { Sleeper } from "../core/context.ts";
import { ApiError, unavailable } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { minutes } from "../core/time.ts";

/** Of whom a page is one. Each has its share of what a process serves, so that nobody takes it all. */
type Owner = "visitor" | "address" | "workspace";
type Owners = Record<Owner, string>;

interface Bounds {
  most: number;
  /**
   * Whoever has more pages open asks again and again instead. A browser keeps six connections to a host; many people share the
   * address of an office.
   */
  most_of: Record<Owner, number>;
  /** Then a page opens another, and is admitted again. */
  longest_ms: number;
}

/** The pages that listen to this process at this moment. Each costs a socket and a look at the database now and then. */
export class Streams {
  readonly #bounds: Bounds;
  readonly #open = new Set<Stream>();
  readonly #owned = new Map<string, Set<Stream>>();
  readonly #listening = new Map<Sleeper, Set<Stream>>();
  #is_stopped = false;

  constructor(bounds: Partial<Bounds> = {}) {
    this.#bounds = { most: 2000, most_of: { visitor: 4, address: 50, workspace: 500 }, longest_ms: minutes(15), ...bounds };
  }

  open(owners: Owners): Stream {
    const { most, most_of, longest_ms } = this.#bounds;
    if (this.#is_stopped || this.#open.size >= most) throw unavailable();
    const shares = Object.keys(most_of).map((owner) => ({ owner: owner as Owner, key: `${owner} ${owners[owner as Owner]}` }));
    const full = shares.find(({ owner, key }) => (this.#owned.get(key)?.size ?? 0) >= most_of[owner]);
    if (full) {
      throw new ApiError("too_many_requests", {
        detail: `The ${full.owner} has ${most_of[full.owner]} streams open already: ask for what came with GET /widget/v1/messages?after=…`,
        headers: { "Retry-After": "60" },
      });
    }
    const stream: Stream = new Stream(longest_ms, {
      listen: (whom) => add(this.#listening, whom, stream),
      close: (heard) => {
        this.#open.delete(stream);
        for (const { key } of shares) remove(this.#owned, key, stream);
        for (const whom of heard) remove(this.#listening, whom, stream);
      },
    });
    this.#open.add(stream);
    for (const { key } of shares) add(this.#owned, key, stream);
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
    for (const stream of this.#open) stream.close();
  }

  get count(): number {
    return this.#open.size;
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
