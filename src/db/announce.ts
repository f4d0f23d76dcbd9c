import { randomBytes } from "node:crypto";
import type { Sleeper } from "../core/context.ts";
import type { Bus } from "./connect.ts";

const rest_ms = 20;
/** PostgreSQL carries less than 8000 bytes at once. */
const most_at_once = 100;

/**
 * Tells the other processes whom to wake, and hears it of them: at once, and then at most fifty times a
 * second, each time of all that came meanwhile. Never inside a transaction, where `pg_notify` would make commits queue.
 */
export function createAnnouncer(bus: Bus, onFault: (error: unknown) => void) {
  const own_name = randomBytes(8).toString("hex");
  const waiting = new Set<Sleeper>();
  let is_resting = false;

  function announce(whom: Sleeper): void {
    waiting.add(whom);
    if (!is_resting) speak();
  }

  function speak(): void {
    const said = [...waiting].slice(0, most_at_once);
    for (const whom of said) waiting.delete(whom);
    const text = [own_name, ...said].join(" ");
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
    hear: (listener: (whom: Sleeper) => void): Promise<void> =>
      bus.hear((text) => {
        const [name, ...woken] = text.split(" ");
        if (name !== own_name) for (const whom of woken) listener(whom as Sleeper);
      }),
  };
}
