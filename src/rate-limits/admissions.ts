import type { Services } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { admit, type Admission, type Asker } from "./admit.ts";

/** Requests of one key from one address that are asked for together. */
interface Group {
  costs: number[];
  /** From then on it takes no more. */
  is_asked: boolean;
  answers: Promise<(Admission | ApiError)[]>;
}

/**
 * The requests of this process that ask to be let in. All requests of a key count in the same rows, which PostgreSQL
 * changes one after the other; so while one is asked for, the next ones of that key gather, and are then asked for in
 * one statement. Nobody waits longer for it, each key is still read after its request has come, and a client that asks
 * for much at once costs the database less.
 */
export class Admissions {
  /** By who asks: the group that was begun last. */
  readonly #latest = new Map<string, Group>();

  async admit(services: Services, asker: Asker, cost: number): Promise<Admission> {
    const who = `${asker.digest} ${asker.ip}`;
    let group = this.#latest.get(who);
    if (!group || group.is_asked) {
      group = begin(services, asker, group);
      this.#latest.set(who, group);
    }
    const at = group.costs.push(cost) - 1;
    try {
      const answer = (await group.answers)[at]!;
      if (answer instanceof ApiError) throw answer;
      return answer;
    } finally {
      if (this.#latest.get(who) === group) this.#latest.delete(who);
    }
  }
}

/** A connection that hangs holds those who are asked for on it, and those behind them no longer than this. */
const patience_ms = 500;

/** A group that gathers until the one before it has its answers, whatever they are. */
function begin(services: Services, asker: Asker, before: Group | undefined): Group {
  const group: Group = { costs: [], is_asked: false, answers: ask() };
  return group;

  async function ask() {
    await (before && answered(before));
    group.is_asked = true;
    return admit(services, asker, group.costs);
  }
}

function answered({ answers }: Group): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, patience_ms);
    const over = () => (clearTimeout(timer), resolve());
    answers.then(over, over);
  });
}
