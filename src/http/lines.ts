import type { Context } from "hono";
import type { Front } from "./front-door.ts";
import { respond } from "./respond.ts";

export const lines_type = "application/x-ndjson";

const utf8 = new TextEncoder();

/** Rows as one JSON object a line. The next portion is made when the one before has left: a slow reader is not written ahead of. */
export async function respondLines(c: Context<Front>, portions: AsyncIterable<object[]>): Promise<Response> {
  const [services, request_id] = [c.get("services"), c.get("request_id")];
  const rest = portions[Symbol.asyncIterator]();
  // Before the answer begins, so that what fails here can still be told as a problem.
  let first: IteratorResult<object[], unknown> | undefined = await rest.next();
  let has_left = false;

  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const portion = first ?? (await rest.next());
          first = undefined;
          // Whoever hung up meanwhile has nobody left to read.
          if (has_left) return;
          if (portion.done) controller.close();
          else controller.enqueue(utf8.encode(portion.value.map((row) => `${JSON.stringify(row)}\n`).join("")));
        } catch (error) {
          services.log.error({ err: error, request_id }, "an export broke off");
          // Not closed: whoever reads must see that it is not complete.
          controller.error(error);
        }
      },
      async cancel() {
        has_left = true;
        await rest.return?.();
      },
    },
    { highWaterMark: 0 },
  );
  return respond(c, body, 200, { "Content-Type": lines_type });
}
