import { ApiError } from "../core/errors.ts";
import { after, msBetween, seconds, type Timestamp } from "../core/time.ts";

/** Beyond this many addresses a minute the memory of them would be the attack. */
const most_subjects = 100_000;

/** A minute's window of each address in this process alone: of what is answered without the database. */
export class OwnWindow {
  readonly #what: string;
  readonly #limit: number;
  #until: Timestamp = "";
  #hits = new Map<string, number>();

  /** `what` ends the sentence "This address sends too many …". */
  constructor(what: string, limit: number) {
    this.#what = what;
    this.#limit = limit;
  }

  count(address: string, now: Timestamp): void {
    if (now >= this.#until) {
      this.#until = after(now, seconds(60));
      this.#hits.clear();
    }
    const hits = (this.#hits.get(address) ?? 0) + 1;
    if (this.#hits.has(address) || this.#hits.size < most_subjects) this.#hits.set(address, hits);
    if (hits <= this.#limit) return;
    throw new ApiError("too_many_requests", {
      detail: `This address sends too many ${this.#what}: ${this.#limit} a minute are answered.`,
      members: { limit: { scope: "ip", limit: this.#limit, window_seconds: 60, reset_at: this.#until } },
      headers: { "Retry-After": String(Math.max(1, Math.ceil(msBetween(now, this.#until) / 1000))) },
    });
  }
}
