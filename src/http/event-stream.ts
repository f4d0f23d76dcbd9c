import type { Context } from "hono";
import type { News } from "../widget/follow-messages.ts";
import type { Stream } from "../widget/streams.ts";
import type { Front } from "./front-door.ts";
import { respond } from "./respond.ts";

const utf8 = new TextEncoder();

/** News as `text/event-stream`. The next is asked for when the one before has left: a slow reader is not written ahead of. */
export function eventStream(c: Context<Front>, news: AsyncGenerator<News, void>, stream: Stream): Response {
  const [services, request_id] = [c.get("services"), c.get("request_id")];
  let is_begun = false;
  let has_left = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // Something at once: only then does the page know that it is heard.
        if (!is_begun) {
          is_begun = true;
          return controller.enqueue(utf8.encode(": welcome\n\n"));
        }
        const next = await news.next().catch((error: unknown) => {
          services.log.error({ err: error, request_id }, "a stream broke off");
          stream.close();
          return { done: true } as const;
        });
        // Whoever hung up meanwhile has nobody left to tell.
        if (has_left) return;
        if (next.done) controller.close();
        else controller.enqueue(utf8.encode(wordsOf(next.value)));
      },
      cancel() {
        has_left = true;
        stream.close();
      },
    },
    { highWaterMark: 0 },
  );
  return respond(c, body, 200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    // Proxies that gather what they pass on would keep it from the page.
    "X-Accel-Buffering": "no",
  });
}

/** Without a message it is a sign of life, which moves the reader's `Last-Event-ID` on. */
const wordsOf = ({ cursor, message }: News): string =>
  `${message ? "event: message\n" : ": still here\n"}id: ${cursor}\n${message ? `data: ${JSON.stringify(message)}\n` : ""}\n`;
