import { Refusal, type Api, type Message } from "./api.ts";
import { inBackground } from "./in-background.ts";

/** The service gives a sign of life every 15 seconds: after two that are missing nobody is there. */
const silence_ms = 40_000;
const poll_ms = 5_000;
/** So often in a row it is asked in vain, or refused, before messages are asked for instead. */
const polls_between_streams = 12;
const shortest_ms = 500;
const longest_ms = 30_000;

interface Listener {
  take(message: Message): void;
  /** Whether what is written now arrives at once. */
  live(is_live: boolean): void;
  /** The token opens nothing any more. */
  lost(): void;
}

/**
 * Hears what comes behind a cursor until it is stopped: by a stream, which is opened again whenever it ends, a little
 * later each time it ends in vain; where there can be none, by asking.
 */
export function follow(api: Api, token: string, cursor: string, listener: Listener) {
  let position = cursor;
  let failures = 0;
  let is_stopped = false;
  let stream: AbortController | undefined;
  let wake: () => void = () => {};

  const hear = async (): Promise<void> => {
    stream = new AbortController();
    const { signal } = stream;
    let watchdog = setTimeout(() => stream?.abort(), silence_ms);
    try {
      const { body } = await api.events(token, position, signal);
      if (!body) throw new Refusal(501);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => stream?.abort(), silence_ms);
        failures = 0;
        listener.live(true);
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) take(block);
      }
    } finally {
      clearTimeout(watchdog);
      stream.abort();
    }
  };

  const take = (block: string): void => {
    const field = (name: string) =>
      block
        .split("\n")
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    const data = field("data");
    if (data !== undefined) listener.take(JSON.parse(data) as Message);
    position = field("id") ?? position;
  };

  const poll = async (): Promise<void> => {
    for (let n = 0; n < polls_between_streams && !is_stopped; n++) {
      const { data, next_cursor, has_more } = await api.since(token, position);
      for (const message of data) listener.take(message);
      position = next_cursor ?? position;
      failures = 0;
      listener.live(true);
      if (!has_more) await pause(poll_ms);
    }
  };

  /** Never at the same moment as everybody else. */
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms / 2 + (Math.random() * ms) / 2);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async (): Promise<void> => {
    let must_poll = typeof TextDecoderStream === "undefined";
    while (!is_stopped) {
      try {
        await (must_poll ? poll() : hear());
        must_poll = false;
      } catch (error) {
        if (is_stopped) return;
        if (error instanceof Refusal && error.status === 401) return listener.lost();
        // Too many pages are open, or something on the way lets no stream through.
        must_poll = error instanceof Refusal && error.status !== 0 && !must_poll;
        failures += 1;
        if (failures > 1) listener.live(false);
      }
      if (!is_stopped) await pause(Math.min(longest_ms, shortest_ms * 2 ** failures));
    }
  };

  const hurry = (): void => wake();
  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  inBackground(run());

  return {
    stop(): void {
      is_stopped = true;
      stream?.abort();
      wake();
      window.removeEventListener("online", hurry);
      document.removeEventListener("visibilitychange", hurry);
    },
  };
}
