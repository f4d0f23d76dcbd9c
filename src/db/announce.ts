import { randomBytes } from "node:crypto";
import type { Work } from "../core/context.ts";
import type { Bus } from "./connect.ts";

const rest_ms = 20;

/**
 * Tells the other processes that rows are waiting, and hears it of them: at once, and then at most fifty times a
 * second, each time of all that came meanwhile. Never inside a transaction, where `pg_notify` would make commits queue.
 */
export function createAnnouncer(bus: Bus, onFault: (error: unknown) => void) {
  const own_name = randomBytes(8).toString("hex");
  const waiting = new Set<Work>();
  let is_resting = false;

  function announce(work: Work): void {
    waiting.add(work);
    if (!is_resting) speak();
  }

  function speak(): void {
    const text = [own_name, ...waiting].join(" ");
    waiting.clear();
    is_resting = true;
    const rested = new Promise<void>((resolve) => setTimeout(resolve, rest_ms).unref());
    // Nor is more said before this has been: a server that does not answer is not drowned.
    Promise.all([bus.say(text).catch(onFault), rested]).then(() => {
      is_resting = false;
      if (waiting.size > 0) speak();
    }, onFault);
  }

  return {
    announce,
    /** What this process announces it knows already. */
    hear: (listener: (work: Work) => void): Promise<void> =>
      bus.hear((text) => {
        const [name, ...works] = text.split(" ");
        if (name !== own_name) for (const work of works) listener(work as Work);
      }),
  };
}
